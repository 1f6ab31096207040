#include "connectors/postgres/cell_decoder.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "base/utf8.h"
#include "connectors/postgres/array_limits.h"
#include "connectors/postgres/big_endian.h"
#include "connectors/postgres/decimal_cell.h"
#include "connectors/postgres/epoch.h"
#include "connectors/postgres/numeric.h"

namespace afluente::postgres {
namespace {

using data::Kind;
using data::LogicalType;
using data::VectorWriter;

template <class T>
Fault DecodeFixed(std::string_view cell, std::size_t row, VectorWriter& out) {
  if (cell.size() != sizeof(T)) return Fault::kMalformed;
  out.Set(row, ReadBigEndian<T>(cell.data()));
  return Fault::kNone;
}

Fault DecodeBool(std::string_view cell, std::size_t row, VectorWriter& out) {
  if (cell.size() != 1) return Fault::kMalformed;
  out.Set(row, cell[0] != 0);
  return Fault::kNone;
}

std::string_view Unwrap(TextForm form, std::string_view cell) {
  if (form == TextForm::kJsonb) cell.remove_prefix(std::min<std::size_t>(1, cell.size()));
  if (form == TextForm::kBpchar) {
    const std::size_t last = cell.find_last_not_of(' ');
    cell = cell.substr(0, last == std::string_view::npos ? 0 : last + 1);
  }
  return cell;
}

Fault DecodeText(std::string_view cell, std::size_t row, VectorWriter& out) {
  if (!IsUtf8(cell.data(), cell.size())) return Fault::kNotUtf8;
  out.SetBytes(row, cell.data(), cell.size());
  return Fault::kNone;
}

// DuckDB keeps a UUID as a 128-bit integer with the top bit flipped, so that
// signed order is UUID order.
Fault DecodeUuid(std::string_view cell, std::size_t row, VectorWriter& out) {
  if (cell.size() != 16) return Fault::kMalformed;
  const auto high = ReadBigEndian<std::uint64_t>(cell.data()) ^ (std::uint64_t{1} << 63U);
  out.Set(row, duckdb_hugeint{ReadBigEndian<std::uint64_t>(cell.data() + 8),
                              static_cast<std::int64_t>(high)});
  return Fault::kNone;
}

// DuckDB's -infinity is the negative of its infinity, not the smallest integer.
Fault DecodeDate(std::string_view cell, std::size_t row, VectorWriter& out) {
  if (cell.size() != 4) return Fault::kMalformed;
  constexpr std::int32_t kInfinity = std::numeric_limits<std::int32_t>::max();
  std::int32_t days = ReadBigEndian<std::int32_t>(cell.data());
  if (days == std::numeric_limits<std::int32_t>::min()) {
    days = -kInfinity;
  } else if (days != kInfinity &&
             (__builtin_add_overflow(days, kEpochDays, &days) || days == kInfinity)) {
    return Fault::kTimeOutOfRange;
  }
  out.Set(row, days);
  return Fault::kNone;
}

Fault DecodeTimestamp(std::string_view cell, std::size_t row, VectorWriter& out) {
  if (cell.size() != 8) return Fault::kMalformed;
  constexpr std::int64_t kInfinity = std::numeric_limits<std::int64_t>::max();
  std::int64_t micros = ReadBigEndian<std::int64_t>(cell.data());
  if (micros == std::numeric_limits<std::int64_t>::min()) {
    micros = -kInfinity;
  } else if (micros != kInfinity &&
             (__builtin_add_overflow(micros, kEpochMicros, &micros) || micros == kInfinity)) {
    return Fault::kTimeOutOfRange;
  }
  out.Set(row, micros);
  return Fault::kNone;
}

// PostgreSQL counts the zone in seconds west of UTC, DuckDB in seconds east.
Fault DecodeTimeTz(std::string_view cell, std::size_t row, VectorWriter& out) {
  if (cell.size() != 12) return Fault::kMalformed;
  const auto micros = ReadBigEndian<std::int64_t>(cell.data());
  const auto west = ReadBigEndian<std::int32_t>(cell.data() + 8);
  constexpr std::int32_t kLimit = 16 * 3600;
  if (west <= -kLimit || west >= kLimit) return Fault::kMalformed;
  out.Set(row, duckdb_create_time_tz(micros, -west).bits);
  return Fault::kNone;
}

Fault DecodeInterval(std::string_view cell, std::size_t row, VectorWriter& out) {
  if (cell.size() != 16) return Fault::kMalformed;
  duckdb_interval interval{};
  interval.micros = ReadBigEndian<std::int64_t>(cell.data());
  interval.days = ReadBigEndian<std::int32_t>(cell.data() + 8);
  interval.months = ReadBigEndian<std::int32_t>(cell.data() + 12);
  out.Set(row, interval);
  return Fault::kNone;
}

Fault DecodeDecimal(const LogicalType& type, std::string_view cell, std::size_t row,
                    VectorWriter& out) {
  __int128 value = 0;
  const NumericOutcome outcome = ParseNumeric(cell, type.precision, type.scale, value);
  return SetDecimal(type, outcome, value, row, out);
}

struct Dimension {
  std::size_t length = 0;
};

// The elements of an array value, in storage order.
struct ArrayCursor {
  std::string_view rest;
  const LogicalType& leaf;
  TextForm form;
};

Fault DecodeElement(ArrayCursor& cursor, std::size_t row, VectorWriter& out) {
  if (cursor.rest.size() < 4) return Fault::kMalformed;
  const auto length = ReadBigEndian<std::int32_t>(cursor.rest.data());
  cursor.rest.remove_prefix(4);
  if (length < 0) {
    out.SetNull(row);
    return Fault::kNone;
  }
  const auto size = static_cast<std::size_t>(length);
  if (size > cursor.rest.size()) return Fault::kMalformed;
  const std::string_view cell = cursor.rest.substr(0, size);
  cursor.rest.remove_prefix(size);
  return DecodeCell(cursor.leaf, cursor.form, cell, row, out);
}

Fault DecodeDimension(std::span<const Dimension> dimensions, ArrayCursor& cursor, std::size_t row,
                      VectorWriter& out) {
  if (dimensions.empty()) return DecodeElement(cursor, row, out);
  const std::size_t length = dimensions.front().length;
  const std::size_t first = out.OpenList(row, length);
  for (std::size_t i = 0; i < length; ++i) {
    const Fault fault = DecodeDimension(dimensions.subspan(1), cursor, first + i, out.child());
    if (fault != Fault::kNone) return fault;
  }
  return Fault::kNone;
}

// Source: arrayfuncs.c, array_send: dimension count, flags, element oid, then
// length and lower bound per dimension, then the elements with their lengths.
Fault DecodeArray(const LogicalType& type, TextForm form, std::string_view cell, std::size_t row,
                  VectorWriter& out) {
  constexpr std::size_t kHeader = 12;
  constexpr std::size_t kPerDimension = 8;
  if (cell.size() < kHeader) return Fault::kMalformed;
  const auto count = ReadBigEndian<std::int32_t>(cell.data());
  if (count < 0 || static_cast<std::size_t>(count) > kArrayDimensionsMax) return Fault::kMalformed;
  cell.remove_prefix(kHeader);
  if (count == 0) {
    out.OpenList(row, 0);
    return cell.empty() ? Fault::kNone : Fault::kMalformed;
  }
  const LogicalType* leaf = &type;
  int declared = 0;
  for (; leaf->kind == Kind::kList; leaf = leaf->element.get()) ++declared;
  if (declared != count) return Fault::kArrayShape;

  std::array<Dimension, kArrayDimensionsMax> dimensions;
  if (cell.size() < kPerDimension * static_cast<std::size_t>(count)) return Fault::kMalformed;
  std::size_t elements = 1;
  for (int i = 0; i < count; ++i) {
    const auto length = ReadBigEndian<std::int32_t>(cell.data());
    const auto lower_bound = ReadBigEndian<std::int32_t>(cell.data() + 4);
    cell.remove_prefix(kPerDimension);
    if (length < 0) return Fault::kMalformed;
    if (lower_bound != 1) return Fault::kArrayShape;
    dimensions[static_cast<std::size_t>(i)].length = static_cast<std::size_t>(length);
    // Each element has a length word: more of them than that is not an array.
    if (__builtin_mul_overflow(elements, static_cast<std::size_t>(length), &elements) ||
        elements > cell.size() / 4) {
      return Fault::kMalformed;
    }
  }
  ArrayCursor cursor{cell, *leaf, form};
  const Fault fault = DecodeDimension(std::span(dimensions).first(static_cast<std::size_t>(count)),
                                      cursor, row, out);
  if (fault != Fault::kNone) return fault;
  return cursor.rest.empty() ? Fault::kNone : Fault::kMalformed;
}

}  // namespace

std::string_view Describe(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "is fine";
    case Fault::kMalformed:
      return "has a value in another form than PostgreSQL documents";
    case Fault::kNotUtf8:
      return "holds bytes that are not UTF-8 (the database's encoding is SQL_ASCII?); correct them "
             "at the source, leave the column out, or read it as bytes with a query";
    case Fault::kTimeOutOfRange:
      return "holds a time past the year 294246, which 64-bit microseconds since 1970 cannot; "
             "`type: text` keeps it";
    case Fault::kNotFinite:
      return "holds NaN or an infinity, which DECIMAL cannot; `type: text` keeps it";
    case Fault::kDigitsLost:
      return "holds a number with more digits than the requested DECIMAL; widen `type` or use "
             "`type: text`";
    case Fault::kArrayShape:
      return "holds an array with other dimensions than the column declares, or with a lower bound "
             "other than 1; `type: text` keeps it";
  }
  return "cannot be decoded";
}

// NOLINTNEXTLINE(misc-no-recursion): an array's element is a cell.
Fault DecodeCell(const LogicalType& type, TextForm form, std::string_view cell, std::size_t row,
                 VectorWriter& out) {
  switch (type.kind) {
    case Kind::kBool:
      return DecodeBool(cell, row, out);
    case Kind::kInt16:
      return DecodeFixed<std::int16_t>(cell, row, out);
    case Kind::kInt32:
    case Kind::kUint32:
    case Kind::kFloat32:
      return DecodeFixed<std::int32_t>(cell, row, out);
    case Kind::kInt64:
    case Kind::kFloat64:
    case Kind::kTime:
      return DecodeFixed<std::int64_t>(cell, row, out);
    case Kind::kDecimal:
      return DecodeDecimal(type, cell, row, out);
    case Kind::kText:
    case Kind::kJson:
      return DecodeText(Unwrap(form, cell), row, out);
    case Kind::kBytes:
      out.SetBytes(row, cell.data(), cell.size());
      return Fault::kNone;
    case Kind::kUuid:
      return DecodeUuid(cell, row, out);
    case Kind::kDate:
      return DecodeDate(cell, row, out);
    case Kind::kTimeTz:
      return DecodeTimeTz(cell, row, out);
    case Kind::kTimestamp:
    case Kind::kTimestampTz:
      return DecodeTimestamp(cell, row, out);
    case Kind::kInterval:
      return DecodeInterval(cell, row, out);
    case Kind::kList:
      return DecodeArray(type, form, cell, row, out);
  }
  return Fault::kMalformed;
}

}  // namespace afluente::postgres
