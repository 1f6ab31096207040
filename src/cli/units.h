// Numbers for people.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace afluente::cli {

/// 3000000 -> "3,000,000".
std::string FormatCount(std::uint64_t count);
/// Bytes in units of 1,000,000: "993.1".
std::string FormatMegabytes(std::uint64_t bytes);
/// "0.08 s", "12.3 s", "3 min 20 s".
std::string FormatSeconds(double seconds);
/// Rounded down to its two largest units: "0 s", "850 ms", "42 s", "12 min", "3 h 20 min", "2 d 4
/// h".
std::string FormatSpan(std::chrono::microseconds span);

}  // namespace afluente::cli
