// Where PostgreSQL begins to count time.
#pragma once

#include <cstdint>

namespace afluente::postgres {

/// 1970-01-01 to 2000-01-01. Source: PostgreSQL datatype/timestamp.h, POSTGRES_EPOCH_JDATE.
constexpr std::int32_t kEpochDays = 10957;
constexpr std::int64_t kEpochMicros = 946'684'800'000'000;

}  // namespace afluente::postgres
