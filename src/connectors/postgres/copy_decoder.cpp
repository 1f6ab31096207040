#include "connectors/postgres/copy_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "base/utf8.h"
#include "connectors/postgres/numeric.h"

namespace afluente::postgres {
namespace {

using data::Kind;
using data::LogicalType;
using data::VectorWriter;

// 1970-01-01 to 2000-01-01. Source: PostgreSQL datatype/timestamp.h, POSTGRES_EPOCH_JDATE.
constexpr std::int32_t kEpochDays = 10957;
constexpr std::int64_t kEpochMicros = 946'684'800'000'000;

template <class T>
T ReadBigEndian(const char* bytes) {
  using Unsigned = std::make_unsigned_t<T>;
  Unsigned value = 0;
  std::memcpy(&value, bytes, sizeof(value));
  if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
  return static_cast<T>(value);
}

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
  } else if (days != kInfinity && __builtin_add_overflow(days, kEpochDays, &days)) {
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
  switch (ParseNumeric(cell, type.precision, type.scale, value)) {
    case NumericOutcome::kExact:
      break;
    case NumericOutcome::kMalformed:
      return Fault::kMalformed;
    case NumericOutcome::kNotFinite:
      return Fault::kNotFinite;
    case NumericOutcome::kDigitsLost:
      return Fault::kDigitsLost;
  }
  if (type.precision <= 4) {
    out.Set(row, static_cast<std::int16_t>(value));
  } else if (type.precision <= 9) {
    out.Set(row, static_cast<std::int32_t>(value));
  } else if (type.precision <= 18) {
    out.Set(row, static_cast<std::int64_t>(value));
  } else {
    out.Set(row, duckdb_hugeint{static_cast<std::uint64_t>(value),
                                static_cast<std::int64_t>(value >> 64)});
  }
  return Fault::kNone;
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
  constexpr int kDimensionsMax = 6;  // MAXDIM of PostgreSQL.
  if (cell.size() < kHeader) return Fault::kMalformed;
  const auto count = ReadBigEndian<std::int32_t>(cell.data());
  if (count < 0 || count > kDimensionsMax) return Fault::kMalformed;
  cell.remove_prefix(kHeader);
  if (count == 0) {
    out.OpenList(row, 0);
    return Fault::kNone;
  }
  const LogicalType* leaf = &type;
  int declared = 0;
  for (; leaf->kind == Kind::kList; leaf = leaf->element.get()) ++declared;
  if (declared != count) return Fault::kArrayShape;

  std::array<Dimension, kDimensionsMax> dimensions;
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
  return DecodeDimension(std::span(dimensions).first(static_cast<std::size_t>(count)), cursor, row,
                         out);
}

// The fields of one tuple, in order. Fails by flag: a Result a cell would cost
// more than most cells do.
class FieldCursor {
 public:
  explicit FieldCursor(std::string_view tuple)
      : next_(tuple.data()), end_(tuple.data() + tuple.size()) {}

  bool Begin(std::size_t fields) {
    if (end_ - next_ < 2 || ReadBigEndian<std::uint16_t>(next_) != fields) return false;
    next_ += 2;
    return true;
  }

  struct Field {
    std::string_view cell;
    bool is_null = false;
    bool is_broken = false;  // The tuple ends too early.
  };
  Field Next() {
    if (end_ - next_ < 4) return {{}, false, true};
    const auto length = ReadBigEndian<std::int32_t>(next_);
    next_ += 4;
    if (length < 0) return {{}, true, false};
    if (length > end_ - next_) return {{}, false, true};
    const std::string_view cell(next_, static_cast<std::size_t>(length));
    next_ += length;
    return {cell, false, false};
  }

 private:
  const char* next_;
  const char* end_;
};

Error BrokenStream() {
  return {ErrorKind::kInternal,
          "the COPY stream is broken: a tuple has too few fields or ends too early"};
}

std::string CellText(const LogicalType& type, std::string_view cell) {
  if (type.kind == Kind::kInt16 && cell.size() == 2) {
    return std::to_string(ReadBigEndian<std::int16_t>(cell.data()));
  }
  if (type.kind == Kind::kInt32 && cell.size() == 4) {
    return std::to_string(ReadBigEndian<std::int32_t>(cell.data()));
  }
  if (type.kind == Kind::kInt64 && cell.size() == 8) {
    return std::to_string(ReadBigEndian<std::int64_t>(cell.data()));
  }
  if (type.kind == Kind::kText && IsUtf8(cell.data(), cell.size())) return std::string(cell);
  std::string hex = "0x";
  for (const char byte : cell) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

}  // namespace

std::string_view Describe(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "is fine";
    case Fault::kMalformed:
      return "has a value whose binary form is not what PostgreSQL documents";
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

CopyDecoder::CopyDecoder(const data::Schema& schema, std::vector<TextForm> forms)
    : schema_(schema), forms_(std::move(forms)) {
  for (std::size_t i = 0; i < schema_.size(); ++i) {
    if (schema_[i].type.kind == Kind::kList) lists_.push_back({i, 0});
  }
}

void CopyDecoder::TakeBack(std::size_t row, std::size_t fields, data::Batch& batch) const {
  for (std::size_t i = 0; i < fields; ++i) batch.columns()[i].TakeBack(row);
  for (const ListColumn& list : lists_) {
    if (list.column < fields) batch.columns()[list.column].TruncateList(list.size);
  }
}

Status CopyDecoder::DecodeTuple(std::string_view tuple, std::size_t row, data::Batch& batch) {
  FieldCursor fields(tuple);
  if (!fields.Begin(schema_.size())) return BrokenStream();
  data::VectorWriter* const columns = batch.columns().data();
  for (ListColumn& list : lists_) list.size = columns[list.column].list_size();
  for (std::size_t i = 0; i < schema_.size(); ++i) {
    const FieldCursor::Field field = fields.Next();
    if (field.is_null) {
      columns[i].SetNull(row);
      continue;
    }
    if (field.is_broken) return BrokenStream();
    const Fault fault = DecodeCell(schema_[i].type, forms_[i], field.cell, row, columns[i]);
    if (fault == Fault::kNone) continue;
    TakeBack(row, i + 1, batch);
    return Error(ErrorKind::kConversion,
                 fmt::format("column \"{}\" {}", schema_[i].name, Describe(fault)));
  }
  return Done{};
}

std::string CopyDecoder::DescribeRow(std::string_view tuple,
                                     const std::vector<std::size_t>& indexes) const {
  FieldCursor fields(tuple);
  std::string described;
  if (!fields.Begin(schema_.size())) return described;
  for (std::size_t i = 0; i < schema_.size(); ++i) {
    const FieldCursor::Field field = fields.Next();
    if (field.is_broken) return described;
    if (std::find(indexes.begin(), indexes.end(), i) == indexes.end()) continue;
    described += fmt::format("{}{}={}", described.empty() ? "" : ", ", schema_[i].name,
                             field.is_null ? "NULL" : CellText(schema_[i].type, field.cell));
  }
  return described;
}

}  // namespace afluente::postgres
