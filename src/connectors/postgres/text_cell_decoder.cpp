#include "connectors/postgres/text_cell_decoder.h"

#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <span>
#include <system_error>

#include "base/utf8.h"
#include "connectors/postgres/decimal_cell.h"
#include "connectors/postgres/numeric.h"
#include "connectors/postgres/text_array.h"
#include "connectors/postgres/text_time.h"

namespace afluente::postgres {
namespace {

using data::Kind;
using data::LogicalType;
using data::VectorWriter;

Fault DecodeBool(std::string_view cell, std::size_t row, VectorWriter& out) {
  if (cell != "t" && cell != "f") return Fault::kMalformed;
  out.Set(row, cell == "t");
  return Fault::kNone;
}

template <class T>
Fault DecodeInteger(std::string_view cell, std::size_t row, VectorWriter& out) {
  T value = 0;
  const char* const end = cell.data() + cell.size();
  const auto [rest, error] = std::from_chars(cell.data(), end, value);
  if (error != std::errc{} || rest != end) return Fault::kMalformed;
  out.Set(row, value);
  return Fault::kNone;
}

// The shortest digits that make the value, so reading them makes it again.
template <class T>
Fault DecodeFloat(std::string_view cell, std::size_t row, VectorWriter& out) {
  T value = 0;
  const char* const end = cell.data() + cell.size();
  // from_chars also takes other spellings of what is no number: `inf`, `nan(1)`.
  const std::string_view digits = cell.substr(cell.starts_with('-') ? 1 : 0);
  if (!digits.empty() && digits.front() >= '0' && digits.front() <= '9') {
    const auto [rest, error] = std::from_chars(cell.data(), end, value);
    if (error != std::errc{} || rest != end) return Fault::kMalformed;
  } else if (cell == "NaN") {
    value = std::numeric_limits<T>::quiet_NaN();
  } else if (cell == "Infinity") {
    value = std::numeric_limits<T>::infinity();
  } else if (cell == "-Infinity") {
    value = -std::numeric_limits<T>::infinity();
  } else {
    return Fault::kMalformed;
  }
  out.Set(row, value);
  return Fault::kNone;
}

Fault DecodeDecimal(const LogicalType& type, std::string_view cell, std::size_t row,
                    VectorWriter& out) {
  __int128 value = 0;
  const NumericOutcome outcome = ParseNumericText(cell, type.precision, type.scale, value);
  return SetDecimal(type, outcome, value, row, out);
}

Fault DecodeUtf8(std::string_view text, std::size_t row, VectorWriter& out) {
  if (!IsUtf8(text.data(), text.size())) return Fault::kNotUtf8;
  // An empty view may have no address, which SetBytes must not be given.
  out.SetBytes(row, text.empty() ? "" : text.data(), text.size());
  return Fault::kNone;
}

// Source: network.c, network_show: the whole address' length, where no other is said.
Fault DecodeInet(std::string_view cell, std::size_t row, VectorWriter& out, RowArena& arena) {
  constexpr std::size_t kAddressBytesMax = 64;
  if (cell.find('/') != std::string_view::npos) return DecodeUtf8(cell, row, out);
  if (cell.empty() || cell.size() > kAddressBytesMax) return Fault::kMalformed;
  const std::string_view mask = cell.find(':') == std::string_view::npos ? "/32" : "/128";
  char* const text = arena.Allocate(cell.size() + mask.size());
  std::memcpy(text, cell.data(), cell.size());
  std::memcpy(text + cell.size(), mask.data(), mask.size());
  return DecodeUtf8({text, cell.size() + mask.size()}, row, out);
}

Fault DecodeText(OutputForm form, std::string_view cell, std::size_t row, VectorWriter& out,
                 RowArena& arena) {
  switch (form) {
    case OutputForm::kPlain:
      return DecodeUtf8(cell, row, out);
    case OutputForm::kBpchar:
      return DecodeUtf8(cell.substr(0, cell.find_last_not_of(' ') + 1), row, out);
    case OutputForm::kBool:
      if (cell != "t" && cell != "f") return Fault::kMalformed;
      return DecodeUtf8(cell == "t" ? "true" : "false", row, out);
    case OutputForm::kInet:
      return DecodeInet(cell, row, out, arena);
  }
  return Fault::kMalformed;
}

constexpr std::uint8_t kNotHex = 0xff;
constexpr std::array<std::uint8_t, 256> kHexDigits = [] {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNotHex);
  for (std::uint8_t i = 0; i < 10; ++i) digits['0' + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i) {
    digits['a' + i] = static_cast<std::uint8_t>(10 + i);
    digits['A' + i] = digits['a' + i];
  }
  return digits;
}();

/// The byte of two hex digits at `digits`, or -1.
int HexByte(const char* digits) {
  const std::uint8_t high = kHexDigits[static_cast<unsigned char>(digits[0])];
  const std::uint8_t low = kHexDigits[static_cast<unsigned char>(digits[1])];
  return high == kNotHex || low == kNotHex ? -1 : high << 4 | low;
}

Fault DecodeBytes(std::string_view cell, std::size_t row, VectorWriter& out, RowArena& arena) {
  if (!cell.starts_with("\\x") || cell.size() % 2 != 0) return Fault::kMalformed;
  const std::size_t size = cell.size() / 2 - 1;
  char* const bytes = arena.Allocate(size);
  for (std::size_t i = 0; i < size; ++i) {
    const int byte = HexByte(cell.data() + 2 + 2 * i);
    if (byte < 0) return Fault::kMalformed;
    bytes[i] = static_cast<char>(byte);
  }
  out.SetBytes(row, bytes, size);
  return Fault::kNone;
}

// "6f9619ff-8b86-d011-b42d-00c04fc964ff"; DuckDB's form of it: see cell_decoder.cpp.
Fault DecodeUuid(std::string_view cell, std::size_t row, VectorWriter& out) {
  if (cell.size() != 36) return Fault::kMalformed;
  std::array<std::uint64_t, 2> halves = {};
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < cell.size();) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (cell[i++] != '-') return Fault::kMalformed;
      continue;
    }
    const int byte = HexByte(cell.data() + i);
    if (byte < 0) return Fault::kMalformed;
    halves[bytes / 8] = halves[bytes / 8] << 8U | static_cast<std::uint64_t>(byte);
    ++bytes;
    i += 2;
  }
  const std::uint64_t high = halves[0] ^ (std::uint64_t{1} << 63U);
  out.Set(row, duckdb_hugeint{halves[1], static_cast<std::int64_t>(high)});
  return Fault::kNone;
}

Fault DecodeTimeTz(std::string_view cell, std::size_t row, VectorWriter& out) {
  std::int64_t micros = 0;
  std::int32_t east = 0;
  const Fault fault = ParseTimeTzText(cell, micros, east);
  if (fault == Fault::kNone) out.Set(row, duckdb_create_time_tz(micros, east).bits);
  return fault;
}

Fault DecodeInterval(std::string_view cell, std::size_t row, VectorWriter& out) {
  IntervalParts parts;
  const Fault fault = ParseIntervalText(cell, parts);
  if (fault == Fault::kNone) {
    out.Set(row, duckdb_interval{parts.months, parts.days, parts.micros});
  }
  return fault;
}

template <class T>
Fault DecodeTime(Fault (*parse)(std::string_view, T&), std::string_view cell, std::size_t row,
                 VectorWriter& out) {
  T value = 0;
  const Fault fault = parse(cell, value);
  if (fault == Fault::kNone) out.Set(row, value);
  return fault;
}

// The elements of an array value, in storage order.
struct ArrayCursor {
  ArrayText& text;
  const LogicalType& leaf;
  OutputForm form;
  RowArena& arena;
};

std::string_view Unescape(std::string_view escaped, RowArena& arena) {
  char* const first = arena.Allocate(escaped.size());
  char* end = first;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    // ArrayText has seen that no backslash stands last.
    if (escaped[i] == '\\' && i + 1 < escaped.size()) ++i;
    *end++ = escaped[i];
  }
  return {first, static_cast<std::size_t>(end - first)};
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as PostgreSQL's six dimensions.
Fault DecodeDimension(std::span<const std::size_t> lengths, ArrayCursor& cursor, std::size_t row,
                      VectorWriter& out) {
  if (lengths.empty()) {
    const ArrayText::Element element = cursor.text.Next();
    if (element.is_null) {
      out.SetNull(row);
      return Fault::kNone;
    }
    const std::string_view cell =
        element.is_escaped ? Unescape(element.bytes, cursor.arena) : element.bytes;
    return DecodeTextCell(cursor.leaf, {cursor.form, ','}, cell, row, out, cursor.arena);
  }
  const std::size_t first = out.OpenList(row, lengths.front());
  for (std::size_t i = 0; i < lengths.front(); ++i) {
    const Fault fault = DecodeDimension(lengths.subspan(1), cursor, first + i, out.child());
    if (fault != Fault::kNone) return fault;
  }
  return Fault::kNone;
}

// NOLINTNEXTLINE(misc-no-recursion): an array's element is a cell.
Fault DecodeArray(const LogicalType& type, TextLayout layout, std::string_view cell,
                  std::size_t row, VectorWriter& out, RowArena& arena) {
  const LogicalType* leaf = &type;
  std::size_t declared = 0;
  for (; leaf->kind == Kind::kList; leaf = leaf->element.get()) ++declared;
  ArrayText text(cell, layout.delimiter);
  const Fault fault = text.Measure(declared);
  if (fault != Fault::kNone) return fault;
  if (text.lengths().empty()) {
    out.OpenList(row, 0);
    return Fault::kNone;
  }
  ArrayCursor cursor{text, *leaf, layout.form, arena};
  return DecodeDimension(text.lengths(), cursor, row, out);
}

}  // namespace

// NOLINTNEXTLINE(misc-no-recursion): an array's element is a cell.
Fault DecodeTextCell(const LogicalType& type, TextLayout layout, std::string_view cell,
                     std::size_t row, VectorWriter& out, RowArena& arena) {
  switch (type.kind) {
    case Kind::kBool:
      return DecodeBool(cell, row, out);
    case Kind::kInt16:
      return DecodeInteger<std::int16_t>(cell, row, out);
    case Kind::kInt32:
      return DecodeInteger<std::int32_t>(cell, row, out);
    case Kind::kInt64:
      return DecodeInteger<std::int64_t>(cell, row, out);
    case Kind::kUint32:
      return DecodeInteger<std::uint32_t>(cell, row, out);
    case Kind::kFloat32:
      return DecodeFloat<float>(cell, row, out);
    case Kind::kFloat64:
      return DecodeFloat<double>(cell, row, out);
    case Kind::kDecimal:
      return DecodeDecimal(type, cell, row, out);
    case Kind::kText:
    case Kind::kJson:
      return DecodeText(layout.form, cell, row, out, arena);
    case Kind::kBytes:
      return DecodeBytes(cell, row, out, arena);
    case Kind::kUuid:
      return DecodeUuid(cell, row, out);
    case Kind::kDate:
      return DecodeTime(ParseDateText, cell, row, out);
    case Kind::kTime:
      return DecodeTime(ParseTimeText, cell, row, out);
    case Kind::kTimeTz:
      return DecodeTimeTz(cell, row, out);
    case Kind::kTimestamp:
      return DecodeTime(ParseTimestampText, cell, row, out);
    case Kind::kTimestampTz:
      return DecodeTime(ParseTimestampTzText, cell, row, out);
    case Kind::kInterval:
      return DecodeInterval(cell, row, out);
    case Kind::kList:
      return DecodeArray(type, layout, cell, row, out, arena);
  }
  return Fault::kMalformed;
}

}  // namespace afluente::postgres
