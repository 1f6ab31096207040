// What people ask of the scheduler.
#pragma once

#include "server/service.h"
#include "server/unix_http.h"

namespace afluente::server {

/// GET /api/jobs/NAME/why: {"job", "reasons": [...]}.
/// POST /api/jobs/NAME/trigger {"params": {...}}: {"run_id"}.
/// POST /api/jobs/NAME/backfill {"from", "to", "missing_only", "dry_run", "params"}: the plan
/// (job_documents.h), and "made", how many runs are new, unless it is a dry run.
/// POST /api/runs/show {"run_id"}: a run as in job_documents.h.
/// POST /api/runs/cancel and /api/runs/retry {"run_id"}; /api/runs/clear {"run_id", "task",
/// "and_after"}; /api/runs/mark-success {"run_id", "task"}: {"run_id"}.
void AddJobRoutes(UnixServer& http, Service& service);

}  // namespace afluente::server
