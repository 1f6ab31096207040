// Runs and comparisons that a command asks the service for.
#pragma once

#include "server/service.h"
#include "server/unix_http.h"

namespace afluente::server {

/// POST /api/run {"integrations": [...], "full_refresh": false}: lines with
/// {"progress": {"integration", "rows", "bytes", "estimated_rows"}}, then
/// {"run": {...}} for each; models are named among the integrations.
/// POST /api/reconcile {"integrations": [...], "repair": false}: lines with
/// {"reconciliation": {...}} or {"error": {...}} for each.
void AddRunRoutes(UnixServer& http, Service& service);

}  // namespace afluente::server
