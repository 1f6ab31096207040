// Comparisons of shadow tables that a command asks the service for.
#pragma once

#include <nlohmann/json.hpp>

#include "orchestrator/shadow/shadow_watch.h"
#include "server/service.h"
#include "server/unix_http.h"

namespace afluente::server {

/// {"integration", "compared_at", "day", "old_rows", "new_rows", "differences", "notes": [...],
/// "error"}.
nlohmann::json ToJson(const orchestrator::ShadowComparison& comparison);

/// POST /api/shadow/compare {"integration": NAME}: lines with {"comparison": {...}} or
/// {"error": {...}}. `watch` must outlive `http`.
void AddShadowRoutes(UnixServer& http, Service& service, orchestrator::ShadowWatch& watch);

}  // namespace afluente::server
