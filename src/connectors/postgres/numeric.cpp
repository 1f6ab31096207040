#include "connectors/postgres/numeric.h"

#include <algorithm>
#include <array>

#include "connectors/postgres/big_endian.h"

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
      const int kept = kSmallPowers[static_cast<std::size_t>(4 + exponent)];
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

namespace {

// The digits of `value`, the last group first; cuts groups off it.
template <class Unsigned>
std::size_t Groups(Unsigned value, int scale, std::array<std::int16_t, 12>& groups) {
  std::size_t count = 0;
  // The last group of the fraction may have fewer than four digits.
  if (const int rest = scale % 4; rest != 0) {
    const auto power = static_cast<Unsigned>(kSmallPowers[static_cast<std::size_t>(rest)]);
    const int shift = kSmallPowers[static_cast<std::size_t>(4 - rest)];
    groups[count++] = static_cast<std::int16_t>(static_cast<int>(value % power) * shift);
    value /= power;
  }
  for (; value != 0; value /= 10000) groups[count++] = static_cast<std::int16_t>(value % 10000);
  return count;
}

}  // namespace

void AppendNumeric(__int128 value, int scale, std::string& out) {
  const bool negative = value < 0;
  const auto magnitude =
      negative ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  std::array<std::int16_t, 12> groups{};
  const bool narrow = magnitude >> 64 == 0;
  std::size_t count = narrow ? Groups(static_cast<std::uint64_t>(magnitude), scale, groups)
                             : Groups(magnitude, scale, groups);
  // groups[i] counts 10000^(i - fraction).
  const int fraction = (scale + 3) / 4;
  while (count > 0 && groups[count - 1] == 0) --count;
  std::size_t first = 0;
  while (first < count && groups[first] == 0) ++first;
  const int weight = count == 0 ? 0 : static_cast<int>(count) - 1 - fraction;
  const std::size_t digits = count - first;
  AppendBigEndian(static_cast<std::int32_t>(kHeader + 2 * digits), out);
  AppendBigEndian(static_cast<std::int16_t>(digits), out);
  AppendBigEndian(static_cast<std::int16_t>(weight), out);
  AppendBigEndian(static_cast<std::uint16_t>(negative ? kNegative : kPositive), out);
  AppendBigEndian(static_cast<std::int16_t>(scale), out);
  for (std::size_t i = count; i > first; --i) AppendBigEndian(groups[i - 1], out);
}

}  // namespace afluente::postgres
