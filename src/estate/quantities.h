// Durations, sizes and moments, as people write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace afluente::estate {

/// "500ms", "60s", "10m", "2h", "1d"; nullopt if `text` is none or beyond ten years.
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);

/// In the largest unit that divides it: "90s", "15m".
std::string FormatDuration(std::chrono::milliseconds duration);

/// RFC 3339, from year 1 to 9999: "2018-11-04T00:00:00-03:00", "2026-01-01T06:00Z"; the
/// seconds may be left out and have no fraction. nullopt if `text` is none.
std::optional<WallTime> ParseTime(std::string_view text);

/// "512kB", "64MB", "10GB", "1TB" in bytes; nullopt if `text` is none, 0, or
/// beyond 2^63. Units as PostgreSQL has them: powers of 1024, case matters.
std::optional<std::int64_t> ParseSize(std::string_view text);

/// Bytes in the largest unit that fits: "0 B", "512 kB", "10.2 GB".
std::string FormatSize(std::int64_t bytes);

}  // namespace afluente::estate
