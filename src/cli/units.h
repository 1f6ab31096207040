// Numbers for people.
#pragma once

#include <cstdint>
#include <string>

namespace afluente::cli {

/// 3000000 -> "3,000,000".
std::string FormatCount(std::uint64_t count);
/// Bytes in units of 1,000,000: "993.1".
std::string FormatMegabytes(std::uint64_t bytes);
/// "0.08 s", "12.3 s", "3 min 20 s".
std::string FormatSeconds(double seconds);

}  // namespace afluente::cli
