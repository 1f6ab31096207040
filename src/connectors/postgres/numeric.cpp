#include "connectors/postgres/numeric.h"

#include <algorithm>
#include <array>

namespace afluente::postgres {
namespace {

constexpr std::size_t kHeader = 8;
constexpr std::uint16_t kPositive = 0x0000;
constexpr std::uint16_t kNegative = 0x4000;
constexpr std::array<std::uint16_t, 3> kNotFinite = {0xC000, 0xD000, 0xF000};  // NaN, +-infinity.
constexpr std::array<int, 5> kSmallPowers = {1, 10, 100, 1000, 10000};

std::uint16_t Word(std::string_view cell, std::size_t index) {
  const auto high = static_cast<unsigned char>(cell[2 * index]);
  const auto low = static_cast<unsigned char>(cell[2 * index + 1]);
  return static_cast<std::uint16_t>(high << 8U | low);
}

constexpr std::array<__int128, 39> kPowers = [] {
  std::array<__int128, 39> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

bool MultiplyAdd(__int128& value, __int128 factor, int digit) {
  return !__builtin_mul_overflow(value, factor, &value) &&
         !__builtin_add_overflow(value, static_cast<__int128>(digit), &value);
}

}  // namespace

NumericOutcome ParseNumeric(std::string_view cell, int precision, int scale, __int128& value) {
  value = 0;
  if (cell.size() < kHeader) return NumericOutcome::kMalformed;
  const std::size_t digits = Word(cell, 0);
  const int weight = static_cast<std::int16_t>(Word(cell, 1));
  const std::uint16_t sign = Word(cell, 2);
  if (std::find(kNotFinite.begin(), kNotFinite.end(), sign) != kNotFinite.end()) {
    return NumericOutcome::kNotFinite;
  }
  if (sign != kPositive && sign != kNegative) return NumericOutcome::kMalformed;
  if (cell.size() != kHeader + 2 * digits) return NumericOutcome::kMalformed;

  int exponent = 4 * (weight + 1) + scale;  // Of the last digit read, in units of 10^-scale.
  for (std::size_t i = 0; i < digits; ++i) {
    const int digit = Word(cell, 4 + i);
    if (digit > 9999) return NumericOutcome::kMalformed;
    exponent -= 4;
    if (exponent >= 0) {
      if (!MultiplyAdd(value, 10000, digit)) return NumericOutcome::kDigitsLost;
    } else if (exponent > -4) {
      // The scale cuts through this group: what is beyond it must be zero.
      const int beyond = kSmallPowers[static_cast<std::size_t>(-exponent)];
      const int kept = kSmallPowers[4 - static_cast<std::size_t>(-exponent)];
      if (digit % beyond != 0) return NumericOutcome::kDigitsLost;
      if (!MultiplyAdd(value, kept, digit / beyond)) return NumericOutcome::kDigitsLost;
    } else if (digit != 0) {
      return NumericOutcome::kDigitsLost;
    }
  }
  for (; exponent > 0 && value != 0; --exponent) {
    if (!MultiplyAdd(value, 10, 0)) return NumericOutcome::kDigitsLost;
  }
  if (value >= kPowers[static_cast<std::size_t>(precision)]) return NumericOutcome::kDigitsLost;
  if (sign == kNegative) value = -value;
  return NumericOutcome::kExact;
}

}  // namespace afluente::postgres
