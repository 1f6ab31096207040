// `mask: hash` as a scalar function: the salt never stands in SQL text.
#pragma once

#include <string>

#include "base/result.h"
#include "data/duckdb_api.h"

namespace afluente::duck {

/// Registers pipeline::kMaskHashFunction(VARCHAR) -> VARCHAR: HMAC-SHA-256 of
/// the value with `salt` as key, in 64 lower-case hex digits; NULL stays NULL.
/// With an empty salt a call fails. Source: RFC 2104.
Status RegisterMaskHash(duckdb_connection connection, const std::string& salt);

}  // namespace afluente::duck
