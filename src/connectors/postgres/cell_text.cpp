#include "connectors/postgres/cell_text.h"

#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <vector>

#include "base/utf8.h"
#include "connectors/postgres/array_limits.h"
#include "connectors/postgres/big_endian.h"

namespace afluente::postgres {
namespace {

using data::Kind;
using data::LogicalType;

std::string Hex(std::string_view bytes, const char* prefix) {
  std::string hex = prefix;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

std::string Raw(std::string_view cell) { return Hex(cell, "0x"); }

template <class T>
std::string IntegerText(std::string_view cell) {
  return cell.size() == sizeof(T) ? std::to_string(ReadBigEndian<T>(cell.data())) : Raw(cell);
}

template <class T, class Bits>
std::string FloatText(std::string_view cell) {
  if (cell.size() != sizeof(T)) return Raw(cell);
  return fmt::format("{}", std::bit_cast<T>(ReadBigEndian<Bits>(cell.data())));
}

// Source: numeric.c, numeric_send: count, weight, sign, display scale, digits in
// base 10,000.
std::string NumericText(std::string_view cell) {
  constexpr std::size_t kHeader = 8;
  if (cell.size() < kHeader) return Raw(cell);
  const auto count = ReadBigEndian<std::uint16_t>(cell.data());
  const int weight = ReadBigEndian<std::int16_t>(cell.data() + 2);
  const auto sign = ReadBigEndian<std::uint16_t>(cell.data() + 4);
  const std::size_t scale = ReadBigEndian<std::uint16_t>(cell.data() + 6);
  if (sign == 0xC000) return "NaN";
  if (sign == 0xD000) return "Infinity";
  if (sign == 0xF000) return "-Infinity";
  if (cell.size() != kHeader + std::size_t{2} * count) return Raw(cell);
  const auto group = [&](int at) {
    const bool is_there = at >= 0 && at < count;
    return is_there ? ReadBigEndian<std::uint16_t>(cell.data() + kHeader +
                                                   std::size_t{2} * static_cast<std::size_t>(at))
                    : 0;
  };
  std::string text = sign == 0x4000 ? "-" : "";
  text += weight < 0 ? "0" : std::to_string(group(0));
  for (int i = 1; i <= weight; ++i) text += fmt::format("{:04}", group(i));
  if (scale == 0) return text;
  std::string fraction;
  for (int i = weight + 1; fraction.size() < scale; ++i) fraction += fmt::format("{:04}", group(i));
  return text + "." + fraction.substr(0, scale);
}

std::string ClockText(std::int64_t micros) {
  const std::int64_t seconds = micros / 1'000'000;
  std::string text =
      fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (micros % 1'000'000 != 0) text += fmt::format(".{:06}", micros % 1'000'000);
  return text;
}

// Any day: std::chrono's years end at 32767.
// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
std::string DayText(std::int64_t days_since_2000, bool& is_bc) {
  const std::int64_t days = days_since_2000 + 10'957 + 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const std::int64_t of_era = days - era * 146'097;
  const std::int64_t year_of_era =
      (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * of_year + 2) / 153;
  const std::int64_t day = of_year - (153 * month + 2) / 5 + 1;
  std::int64_t year = year_of_era + era * 400 + (month >= 10 ? 1 : 0);
  is_bc = year <= 0;
  if (is_bc) year = 1 - year;
  return fmt::format("{:04}-{:02}-{:02}", year, month < 10 ? month + 3 : month - 9, day);
}

std::string DateText(std::string_view cell) {
  if (cell.size() != 4) return Raw(cell);
  const auto days = ReadBigEndian<std::int32_t>(cell.data());
  if (days == std::numeric_limits<std::int32_t>::max()) return "infinity";
  if (days == std::numeric_limits<std::int32_t>::min()) return "-infinity";
  bool is_bc = false;
  const std::string text = DayText(days, is_bc);
  return text + (is_bc ? " BC" : "");
}

std::string TimestampText(std::string_view cell, const char* zone) {
  if (cell.size() != 8) return Raw(cell);
  const auto micros = ReadBigEndian<std::int64_t>(cell.data());
  if (micros == std::numeric_limits<std::int64_t>::max()) return "infinity";
  if (micros == std::numeric_limits<std::int64_t>::min()) return "-infinity";
  constexpr std::int64_t kDay = 86'400'000'000;
  const std::int64_t of_day = ((micros % kDay) + kDay) % kDay;
  bool is_bc = false;
  const std::string day = DayText((micros - of_day) / kDay, is_bc);
  return day + " " + ClockText(of_day) + zone + (is_bc ? " BC" : "");
}

std::string IntervalText(std::string_view cell) {
  if (cell.size() != 16) return Raw(cell);
  const auto micros = ReadBigEndian<std::int64_t>(cell.data());
  const bool is_negative = micros < 0;
  if (micros == std::numeric_limits<std::int64_t>::min()) return Raw(cell);
  return fmt::format("{} mons {} days {}{}", ReadBigEndian<std::int32_t>(cell.data() + 12),
                     ReadBigEndian<std::int32_t>(cell.data() + 8), is_negative ? "-" : "",
                     ClockText(is_negative ? -micros : micros));
}

std::string UuidText(std::string_view cell) {
  if (cell.size() != 16) return Raw(cell);
  std::string text = Hex(cell, "");
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, "-");
  return text;
}

std::string PlainText(TextForm form, std::string_view cell) {
  if (form == TextForm::kJsonb && !cell.empty()) cell.remove_prefix(1);
  return IsUtf8(cell.data(), cell.size()) ? std::string(cell) : Raw(cell);
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

/// The elements of an array, in order, put into braces.
class ArrayPrinter {
 public:
  ArrayPrinter(const LogicalType& element, TextForm form, std::string_view cell)
      : element_(element), form_(form), cell_(cell) {}

  // Source: arrayfuncs.c, array_send: dimensions, flags, type; size and lower
  // bound of each; then elements, a length word each.
  std::string Print() {
    constexpr std::size_t kHeader = 12;
    if (cell_.size() < kHeader) return Raw(cell_);
    const auto dimensions = ReadBigEndian<std::int32_t>(cell_.data());
    next_ = kHeader;
    if (dimensions < 0 || static_cast<std::size_t>(dimensions) > kArrayDimensionsMax)
      return Raw(cell_);
    std::string bounds;
    bool has_bounds = false;
    for (std::int32_t i = 0; i < dimensions; ++i, next_ += 8) {
      if (cell_.size() - next_ < 8) return Raw(cell_);
      const auto size = ReadBigEndian<std::int32_t>(cell_.data() + next_);
      const auto lower = ReadBigEndian<std::int32_t>(cell_.data() + next_ + 4);
      if (size <= 0) return Raw(cell_);
      has_bounds = has_bounds || lower != 1;
      bounds += fmt::format("[{}:{}]", lower, std::int64_t{lower} + size - 1);
      sizes_.push_back(size);
    }
    if (sizes_.empty()) return "{}";
    std::string text = has_bounds ? bounds + "=" : "";
    return PrintFrom(0, text) ? text : Raw(cell_);
  }

 private:
  // NOLINTNEXTLINE(misc-no-recursion): an array is at most six deep.
  bool PrintFrom(std::size_t dimension, std::string& text) {
    if (dimension == sizes_.size()) return PrintElement(text);
    text += '{';
    for (std::int32_t i = 0; i < sizes_[dimension]; ++i) {
      if (i > 0) text += ',';
      if (!PrintFrom(dimension + 1, text)) return false;
    }
    text += '}';
    return true;
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  bool PrintElement(std::string& text) {
    if (cell_.size() - next_ < 4) return false;
    const auto size = ReadBigEndian<std::int32_t>(cell_.data() + next_);
    next_ += 4;
    if (size < 0) {
      text += "NULL";
      return true;
    }
    if (cell_.size() - next_ < static_cast<std::size_t>(size)) return false;
    const std::string element =
        CellText(element_, form_, cell_.substr(next_, static_cast<std::size_t>(size)));
    next_ += static_cast<std::size_t>(size);
    const bool is_bare = !element.empty() && element != "NULL" &&
                         element.find_first_of("{}\",\\ \t\n") == std::string::npos;
    text += is_bare ? element : Quoted(element);
    return true;
  }

  const LogicalType& element_;
  const TextForm form_;
  const std::string_view cell_;
  std::size_t next_ = 0;
  std::vector<std::int32_t> sizes_;
};

}  // namespace

// NOLINTNEXTLINE(misc-no-recursion): an array's element is a cell.
std::string CellText(const LogicalType& type, TextForm form, std::string_view cell) {
  switch (type.kind) {
    case Kind::kBool:
      return cell.size() != 1 ? Raw(cell) : cell[0] != 0 ? "true" : "false";
    case Kind::kInt16:
      return IntegerText<std::int16_t>(cell);
    case Kind::kInt32:
      return IntegerText<std::int32_t>(cell);
    case Kind::kInt64:
      return IntegerText<std::int64_t>(cell);
    case Kind::kUint32:
      return IntegerText<std::uint32_t>(cell);
    case Kind::kFloat32:
      return FloatText<float, std::uint32_t>(cell);
    case Kind::kFloat64:
      return FloatText<double, std::uint64_t>(cell);
    case Kind::kDecimal:
      return NumericText(cell);
    case Kind::kText:
    case Kind::kJson:
      return PlainText(form, cell);
    case Kind::kBytes:
      return Hex(cell, "\\x");
    case Kind::kUuid:
      return UuidText(cell);
    case Kind::kDate:
      return DateText(cell);
    case Kind::kTime:
      return cell.size() == 8 ? ClockText(ReadBigEndian<std::int64_t>(cell.data())) : Raw(cell);
    case Kind::kTimestamp:
      return TimestampText(cell, "");
    case Kind::kTimestampTz:
      return TimestampText(cell, "+00");
    case Kind::kInterval:
      return IntervalText(cell);
    case Kind::kList:
      return ArrayPrinter(*type.element, form, cell).Print();
    case Kind::kTimeTz:
      return Raw(cell);
  }
  return Raw(cell);
}

}  // namespace afluente::postgres
