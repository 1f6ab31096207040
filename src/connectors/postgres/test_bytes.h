// PostgreSQL's binary forms, written by hand: what tests feed to the decoder.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace afluente::postgres {

/// `value` in network byte order.
template <class T>
std::string BigEndian(T value) {
  auto bits = static_cast<std::make_unsigned_t<T>>(value);
  std::string bytes(sizeof(T), '\0');
  for (std::size_t i = sizeof(T); i > 0; --i) {
    bytes[i - 1] = static_cast<char>(bits & 0xffU);
    bits = static_cast<std::make_unsigned_t<T>>(bits >> (sizeof(T) > 1 ? 8U : 0U));
  }
  return bytes;
}

inline std::string Int16(int value) { return BigEndian(static_cast<std::int16_t>(value)); }
inline std::string Int32(std::int64_t value) { return BigEndian(static_cast<std::int32_t>(value)); }
inline std::string Int64(std::int64_t value) { return BigEndian(value); }

/// "\\x01ff" style: two hex digits a byte, blanks ignored.
inline std::string Hex(const std::string& digits) {
  std::string bytes;
  std::string pair;
  for (const char digit : digits) {
    if (digit == ' ') continue;
    pair += digit;
    if (pair.size() == 2) {
      bytes += static_cast<char>(std::stoi(pair, nullptr, 16));
      pair.clear();
    }
  }
  return bytes;
}

constexpr int kNumericPositive = 0x0000;
constexpr int kNumericNegative = 0x4000;
constexpr int kNumericNan = 0xC000;
constexpr int kNumericInfinity = 0xD000;
constexpr int kNumericMinusInfinity = 0xF000;

/// Source: numeric.c, numeric_send. The first digit counts 10000^weight.
inline std::string Numeric(int weight, int sign, const std::vector<int>& digits,
                           int display_scale = 0) {
  std::string bytes =
      Int16(static_cast<int>(digits.size())) + Int16(weight) + Int16(sign) + Int16(display_scale);
  for (const int digit : digits) bytes += Int16(digit);
  return bytes;
}

/// A cell with its length word; nullopt is NULL.
using Cells = std::vector<std::optional<std::string>>;

inline std::string Field(const std::optional<std::string>& cell) {
  if (!cell) return Int32(-1);
  return Int32(static_cast<std::int64_t>(cell->size())) + *cell;
}

/// A tuple of COPY BINARY.
inline std::string Tuple(const Cells& cells) {
  std::string bytes = Int16(static_cast<int>(cells.size()));
  for (const auto& cell : cells) bytes += Field(cell);
  return bytes;
}

struct TestDimension {
  std::int64_t length;
  std::int64_t lower_bound = 1;
};

/// Source: arrayfuncs.c, array_send.
inline std::string Array(const std::vector<TestDimension>& dimensions, const Cells& elements,
                         std::uint32_t element_oid = 23) {
  bool has_null = false;
  for (const auto& element : elements) has_null = has_null || !element;
  std::string bytes = Int32(static_cast<std::int64_t>(dimensions.size())) +
                      Int32(has_null ? 1 : 0) + Int32(element_oid);
  for (const TestDimension& dimension : dimensions) {
    bytes += Int32(dimension.length) + Int32(dimension.lower_bound);
  }
  for (const auto& element : elements) bytes += Field(element);
  return bytes;
}

}  // namespace afluente::postgres
