// The routes of the HTTP API.
#pragma once

#include "server/service.h"
#include "server/unix_http.h"

namespace afluente::server {

/// Adds every route to `http`; `service` must outlive it.
void AddRoutes(UnixServer& http, Service& service);

}  // namespace afluente::server
