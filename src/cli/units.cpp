#include "cli/units.h"

#include <fmt/format.h>

namespace afluente::cli {

std::string FormatCount(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t place = digits.size(); place > 3; place -= 3) digits.insert(place - 3, ",");
  return digits;
}

std::string FormatMegabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / 1e6);
}

std::string FormatSeconds(double seconds) {
  if (seconds < 10) return fmt::format("{:.2f} s", seconds);
  if (seconds < 120) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(seconds);
  return fmt::format("{} min {:02} s", whole / 60, whole % 60);
}

std::string FormatSpan(std::chrono::microseconds span) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(span);
  if (span.count() > 0 && whole.count() == 0) {
    return fmt::format("{} ms", std::chrono::ceil<std::chrono::milliseconds>(span).count());
  }
  const auto minutes = std::chrono::floor<std::chrono::minutes>(whole).count();
  if (minutes == 0) return fmt::format("{} s", whole.count());
  if (minutes < 10) {
    const auto seconds = whole.count() % 60;
    return seconds == 0 ? fmt::format("{} min", minutes)
                        : fmt::format("{} min {} s", minutes, seconds);
  }
  const auto hours = minutes / 60;
  if (hours == 0) return fmt::format("{} min", minutes);
  const auto with = [](auto large, const char* unit, auto small, const char* small_unit) {
    return small == 0 ? fmt::format("{} {}", large, unit)
                      : fmt::format("{} {} {} {}", large, unit, small, small_unit);
  };
  constexpr int kHoursOfDay = 24;
  return hours < 2 * kHoursOfDay ? with(hours, "h", minutes % 60, "min")
                                 : with(hours / kHoursOfDay, "d", hours % kHoursOfDay, "h");
}

}  // namespace afluente::cli
