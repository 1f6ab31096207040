#include "estate/quantities.h"

#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <system_error>
#include <utility>

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

}  // namespace

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  constexpr std::array<Unit, 5> kUnits = {
      {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  constexpr std::int64_t kMax = 3'653LL * 86'400'000;
  const auto milliseconds = ParseQuantity(text, kUnits, kMax);
  if (!milliseconds) return std::nullopt;
  return std::chrono::milliseconds(*milliseconds);
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
