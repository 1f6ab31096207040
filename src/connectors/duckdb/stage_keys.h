// Keys of staged rows: what they must be, and how they meet those of a table.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "data/duckdb_api.h"

namespace afluente::duck {

/// Whether every row of `stage` (a name in SQL) has a key of its own without NULL.
/// Errors: kConversion with counts and the cure when not.
Status CheckKeys(duckdb_connection connection, const std::string& stage,
                 const std::vector<std::string>& keys);

/// The condition under which rows of `t` and `s` have the same key.
std::string KeysMatch(const std::vector<std::string>& keys);

}  // namespace afluente::duck
