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

bool AreDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// At most 38 digits behind those of `value`. In steps of what 64 bits hold:
// 128-bit multiplication is several times slower.
__int128 AppendDigits(__int128 value, std::string_view digits) {
  constexpr std::size_t kStep = 18;
  while (!digits.empty()) {
    const std::string_view step = digits.substr(0, kStep);
    std::uint64_t number = 0;
    for (const char digit : step) number = number * 10 + static_cast<std::uint64_t>(digit - '0');
    value = value * kPowers[step.size()] + number;
    digits.remove_prefix(step.size());
  }
  return value;
}

// Most numbers: digits on both sides of at most one point, few enough for 64 bits, none of them
// beyond the scale. In one pass; false: it is for the long way to say.
bool ParseShort(std::string_view digits, std::size_t scale, std::uint64_t& number,
                std::size_t& fraction) {
  constexpr std::size_t kCharactersMax = 18;
  if (digits.empty() || digits.size() > kCharactersMax || digits.front() == '.') return false;
  const char* const end = digits.data() + digits.size();
  const char* point = nullptr;
  number = 0;
  for (const char* next = digits.data(); next != end; ++next) {
    const unsigned digit = static_cast<unsigned char>(*next) - unsigned{'0'};
    if (digit <= 9) {
      number = number * 10 + digit;
    } else if (*next == '.' && point == nullptr) {
      point = next + 1;
    } else {
      return false;
    }
  }
  fraction = point == nullptr ? 0 : static_cast<std::size_t>(end - point);
  return point != end && fraction <= scale;
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

NumericOutcome ParseNumericText(std::string_view text, int precision, int scale, __int128& value) {
  value = 0;
  const auto kept = static_cast<std::size_t>(scale);
  const bool negative = text.starts_with('-');
  std::uint64_t number = 0;
  std::size_t digits_behind_point = 0;
  if (ParseShort(text.substr(negative ? 1 : 0), kept, number, digits_behind_point)) {
    // 18 digits and as many zeros as the scale asks for may be more than 128 bits.
    const __int128 limit =
        kPowers[static_cast<std::size_t>(precision) - (kept - digits_behind_point)];
    if (number >= limit) return NumericOutcome::kDigitsLost;
    value = kPowers[kept - digits_behind_point] * number;
    if (negative) value = -value;
    return NumericOutcome::kExact;
  }
  if (text == "NaN" || text == "Infinity" || text == "-Infinity") return NumericOutcome::kNotFinite;
  text.remove_prefix(negative ? 1 : 0);
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string_view whole = text.substr(0, point);
  std::string_view fraction = text.substr(std::min(point + 1, text.size()));
  const bool ends_in_point = point < text.size() && fraction.empty();
  if (whole.empty() || ends_in_point || !AreDigits(whole) || !AreDigits(fraction)) {
    return NumericOutcome::kMalformed;
  }

  if (fraction.size() > kept) {
    // What is beyond the scale must be zero.
    if (fraction.find_first_not_of('0', kept) != std::string_view::npos) {
      return NumericOutcome::kDigitsLost;
    }
    fraction = fraction.substr(0, kept);
  }
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  // With a first digit that is not 0, their count alone says whether they fit.
  if (!whole.empty() && whole.size() + kept > static_cast<std::size_t>(precision)) {
    return NumericOutcome::kDigitsLost;
  }
  value = AppendDigits(AppendDigits(0, whole), fraction) * kPowers[kept - fraction.size()];
  if (negative) value = -value;
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
