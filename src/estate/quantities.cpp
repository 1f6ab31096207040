#include "estate/quantities.h"

#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <system_error>
#include <utility>

#include "estate/calendar.h"

namespace afluente::estate {
namespace {

using Unit = std::pair<std::string_view, std::int64_t>;

// Source: PostgreSQL documentation, "Parameter Names and Values": the multiplier is 1024.
constexpr std::array<Unit, 4> kSizeUnits = {
    {{"kB", 1LL << 10}, {"MB", 1LL << 20}, {"GB", 1LL << 30}, {"TB", 1LL << 40}}};

// A whole number and one of `units`, at most `max` of what the units count.
std::optional<std::int64_t> ParseQuantity(std::string_view text, std::span<const Unit> units,
                                          std::int64_t max) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || count < 0 || text.front() == '-') return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& [name, factor] : units) {
    if (unit == name) {
      return count > max / factor ? std::nullopt : std::optional(count * factor);
    }
  }
  return std::nullopt;
}

constexpr std::size_t kDayLength = 10;  // "2018-11-04"

// The two digits that `text` starts with, up to `max`.
std::optional<int> TwoDigits(std::string_view text, int max) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() < 2 || !is_digit(text[0]) || !is_digit(text[1])) return std::nullopt;
  const int value = (text[0] - '0') * 10 + (text[1] - '0');
  return value > max ? std::nullopt : std::optional(value);
}

// "23:59"
std::optional<std::chrono::minutes> ParseHoursAndMinutes(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const std::optional<int> hours = TwoDigits(text, 23);
  const std::optional<int> minutes = TwoDigits(text.substr(3), 59);
  if (!hours || !minutes) return std::nullopt;
  return std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
}

constexpr std::array<Unit, 5> kDurationUnits = {
    {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

}  // namespace

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  constexpr std::int64_t kMax = 3'653LL * 86'400'000;
  const auto milliseconds = ParseQuantity(text, kDurationUnits, kMax);
  if (!milliseconds) return std::nullopt;
  return std::chrono::milliseconds(*milliseconds);
}

std::string FormatDuration(std::chrono::milliseconds duration) {
  Unit unit = kDurationUnits.front();
  for (const Unit& larger : kDurationUnits) {
    if (duration.count() != 0 && duration.count() % larger.second == 0) unit = larger;
  }
  return std::to_string(duration.count() / unit.second) + std::string(unit.first);
}

std::optional<WallTime> ParseTime(std::string_view text) {
  constexpr std::size_t kMinutesEnd = 16;  // "2018-11-04T00:00"
  const std::optional<std::chrono::local_days> day = ParseDay(text.substr(0, kDayLength));
  if (!day || text.size() <= kMinutesEnd || (text[kDayLength] != 'T' && text[kDayLength] != ' ')) {
    return std::nullopt;
  }
  const auto clock = ParseHoursAndMinutes(text.substr(kDayLength + 1, 5));
  if (!clock) return std::nullopt;
  std::chrono::seconds since_epoch = day->time_since_epoch() + *clock;
  text.remove_prefix(kMinutesEnd);
  if (text.front() == ':') {
    const std::optional<int> seconds = TwoDigits(text.substr(1), 59);
    if (!seconds) return std::nullopt;
    since_epoch += std::chrono::seconds(*seconds);
    text.remove_prefix(3);
  }
  if (text == "Z") return WallTime(since_epoch);
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const auto offset = ParseHoursAndMinutes(text.substr(1));
  if (!offset) return std::nullopt;
  return WallTime(text[0] == '+' ? since_epoch - *offset : since_epoch + *offset);
}

std::optional<std::int64_t> ParseSize(std::string_view text) {
  const auto bytes = ParseQuantity(text, kSizeUnits, std::numeric_limits<std::int64_t>::max());
  return bytes == 0 ? std::nullopt : bytes;
}

std::string FormatSize(std::int64_t bytes) {
  Unit unit = {"B", 1};
  for (const Unit& larger : kSizeUnits) {
    if (bytes >= larger.second) unit = larger;
  }
  const std::int64_t tenths = static_cast<std::int64_t>(
      static_cast<double>(bytes) / static_cast<double>(unit.second) * 10 + 0.5);
  std::string text = std::to_string(tenths / 10);
  if (tenths % 10 != 0) text += "." + std::to_string(tenths % 10);
  return text + " " + std::string(unit.first);
}

}  // namespace afluente::estate
