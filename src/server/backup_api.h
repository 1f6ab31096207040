// Backups that a command asks the service for.
#pragma once

#include "server/service.h"
#include "server/unix_http.h"

namespace afluente::server {

/// POST /api/backup {"folder": "/absolute/path"}: lines with {"backup": {...}}, the
/// backup's manifest, or {"error": {...}}. A caller that hangs up stops it.
void AddBackupRoutes(UnixServer& http, Service& service);

}  // namespace afluente::server
