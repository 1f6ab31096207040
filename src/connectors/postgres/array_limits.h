// Limits of PostgreSQL's arrays.
#pragma once

#include <cstddef>

namespace afluente::postgres {

/// MAXDIM of PostgreSQL.
inline constexpr std::size_t kArrayDimensionsMax = 6;

}  // namespace afluente::postgres
