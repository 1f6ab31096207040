// The JSON documents of runs, tasks and attempts.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "orchestrator/backfill.h"
#include "orchestrator/scheduler/job_store.h"

namespace afluente::server {

/// {"run_id", "job", "mode", "trigger", "state", "nominal", "interval_start", "created_at",
/// "started_at", "ended_at", "error", "tasks": [...]}; times RFC 3339 or null.
nlohmann::json ToJson(const orchestrator::JobRun& run);

/// {"job", "runs": [{"interval_start", "nominal"}], "left_out", "estimated_seconds": N or null}.
nlohmann::json ToJson(const orchestrator::BackfillPlan& plan);

/// {"task", "state", "attempt", "started_at", "ended_at", "seconds", "rows", "bytes", "error",
/// "output"}: the output as JSON, null without one.
nlohmann::json ToJson(const orchestrator::TaskRow& task);

}  // namespace afluente::server
