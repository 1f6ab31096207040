#include "connectors/postgres/cell_encoder.h"

#include <algorithm>
#include <array>
#include <limits>

#include "connectors/postgres/array_limits.h"
#include "connectors/postgres/big_endian.h"
#include "connectors/postgres/epoch.h"
#include "connectors/postgres/numeric.h"
#include "data/postgres_types.h"

namespace afluente::postgres {
namespace {

using data::Kind;
using data::LogicalType;

// The first row of a kind is the type that holds all its values: text before varchar.
const data::PostgresType& NaturalOf(Kind kind) {
  const auto rows = data::NaturalPostgresTypes();
  return *std::find_if(rows.begin(), rows.end(),
                       [&](const data::PostgresType& row) { return row.kind == kind; });
}

template <class T>
void AppendFixed(T value, std::string& out) {
  AppendBigEndian(static_cast<std::int32_t>(sizeof(T)), out);
  AppendBigEndian(value, out);
}

EncodeFault AppendBytes(duckdb_string_t cell, std::string& out) {
  const std::uint32_t size = duckdb_string_t_length(cell);
  if (size > static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max())) {
    return EncodeFault::kTooLarge;
  }
  AppendBigEndian(static_cast<std::int32_t>(size), out);
  out.append(duckdb_string_t_data(&cell), size);
  return EncodeFault::kNone;
}

// DuckDB's -infinity is the negative of its infinity, not the smallest integer.
template <class T>
EncodeFault AppendSinceEpoch(T value, T epoch, std::string& out) {
  constexpr T kInfinity = std::numeric_limits<T>::max();
  if (value == -kInfinity) {
    value = std::numeric_limits<T>::min();
  } else if (value != kInfinity && (__builtin_sub_overflow(value, epoch, &value) ||
                                    value == std::numeric_limits<T>::min())) {
    return EncodeFault::kTimeOutOfRange;
  }
  AppendFixed(value, out);
  return EncodeFault::kNone;
}

// DuckDB packs 40 bits of microseconds and, reversed for sorting, 24 bits of
// seconds east of UTC; PostgreSQL counts seconds west.
void AppendTimeTz(std::uint64_t bits, std::string& out) {
  constexpr std::int32_t kOffsetMax = 16 * 3600 - 1;
  const std::int32_t east = kOffsetMax - static_cast<std::int32_t>(bits & 0xffffffU);
  AppendBigEndian(std::int32_t{12}, out);
  AppendBigEndian(static_cast<std::int64_t>(bits >> 24U), out);
  AppendBigEndian(-east, out);
}

void AppendUuid(const duckdb_hugeint& value, std::string& out) {
  AppendBigEndian(std::int32_t{16}, out);
  AppendBigEndian(static_cast<std::uint64_t>(value.upper) ^ (std::uint64_t{1} << 63U), out);
  AppendBigEndian(value.lower, out);
}

void AppendInterval(const duckdb_interval& value, std::string& out) {
  AppendBigEndian(std::int32_t{16}, out);
  AppendBigEndian(value.micros, out);
  AppendBigEndian(value.days, out);
  AppendBigEndian(value.months, out);
}

}  // namespace

std::string_view Describe(EncodeFault fault) {
  switch (fault) {
    case EncodeFault::kNone:
      return "is fine";
    case EncodeFault::kTimeOutOfRange:
      return "holds a time before the first one that PostgreSQL has";
    case EncodeFault::kRaggedArray:
      return "holds a list of lists that are NULL, empty or of different lengths, which an array "
             "of PostgreSQL cannot be; send it as JSON: to_json(...) in `transform`";
    case EncodeFault::kTooLarge:
      return "holds a value of more than 1 GB, which PostgreSQL cannot";
  }
  return "cannot be encoded";
}

std::string WireTypeName(const LogicalType& type) {
  const LogicalType* leaf = &type;
  while (leaf->kind == Kind::kList) leaf = leaf->element.get();
  return std::string(NaturalOf(leaf->kind).name) + (leaf == &type ? "" : "[]");
}

CellEncoder::CellEncoder(const LogicalType& type) : type_(type) {
  if (type.kind != Kind::kList) return;
  child_ = std::make_unique<CellEncoder>(*type.element);
  dimensions_ = child_->dimensions_ + 1;
  element_oid_ =
      type.element->kind == Kind::kList ? child_->element_oid_ : NaturalOf(type.element->kind).oid;
}

void CellEncoder::Attach(duckdb_vector vector) {
  data_ = duckdb_vector_get_data(vector);
  validity_ = duckdb_vector_get_validity(vector);
  if (child_ != nullptr) child_->Attach(duckdb_list_vector_get_child(vector));
}

bool CellEncoder::IsNull(std::size_t row) const {
  return validity_ != nullptr && (validity_[row / 64] >> (row % 64) & 1U) == 0;
}

EncodeFault CellEncoder::AppendDecimal(std::size_t row, std::string& out) const {
  if (type_.precision <= 4) {
    AppendNumeric(At<std::int16_t>(row), type_.scale, out);
  } else if (type_.precision <= 9) {
    AppendNumeric(At<std::int32_t>(row), type_.scale, out);
  } else if (type_.precision <= 18) {
    AppendNumeric(At<std::int64_t>(row), type_.scale, out);
  } else {
    const auto& value = At<duckdb_hugeint>(row);
    AppendNumeric(static_cast<__int128>(value.upper) << 64 | value.lower, type_.scale, out);
  }
  return EncodeFault::kNone;
}

// The elements below `list`, which is cut into `lengths[depth]` parts.
// NOLINTNEXTLINE(misc-no-recursion): a list's element is a list.
EncodeFault CellEncoder::AppendElements(const duckdb_list_entry& list, std::size_t depth,
                                        const std::uint64_t* lengths, bool& has_null,
                                        std::string& out) const {
  if (list.length != lengths[depth]) return EncodeFault::kRaggedArray;
  for (std::uint64_t i = 0; i < list.length; ++i) {
    const std::size_t place = list.offset + i;
    EncodeFault fault = EncodeFault::kNone;
    if (child_->child_ == nullptr) {
      has_null = has_null || child_->IsNull(place);
      fault = child_->Append(place, out);
    } else if (child_->IsNull(place)) {
      fault = EncodeFault::kRaggedArray;
    } else {
      fault = child_->AppendElements(child_->At<duckdb_list_entry>(place), depth + 1, lengths,
                                     has_null, out);
    }
    if (fault != EncodeFault::kNone) return fault;
  }
  return EncodeFault::kNone;
}

// Source: arrayfuncs.c, array_recv: dimension count, flags, element oid, then
// length and lower bound per dimension, then the elements with their lengths.
EncodeFault CellEncoder::AppendArray(std::size_t row, std::string& out) const {
  std::array<std::uint64_t, kArrayDimensionsMax> lengths{};
  if (dimensions_ > kArrayDimensionsMax) return EncodeFault::kRaggedArray;
  const auto& list = At<duckdb_list_entry>(row);
  const std::size_t begin = out.size();
  const std::int32_t dimensions = list.length == 0 ? 0 : static_cast<std::int32_t>(dimensions_);
  AppendBigEndian(std::int32_t{0}, out);  // The length word, known at the end.
  AppendBigEndian(dimensions, out);
  AppendBigEndian(std::int32_t{0}, out);  // Flags.
  AppendBigEndian(element_oid_, out);
  bool has_null = false;
  if (dimensions != 0) {
    const CellEncoder* level = this;
    duckdb_list_entry first = list;
    for (std::size_t i = 0; i < dimensions_; ++i) {
      // An array has no dimension of no elements.
      if (first.length == 0) return EncodeFault::kRaggedArray;
      lengths[i] = first.length;
      AppendBigEndian(static_cast<std::int32_t>(first.length), out);
      AppendBigEndian(std::int32_t{1}, out);
      level = level->child_.get();
      if (i + 1 == dimensions_) break;
      if (level->IsNull(first.offset)) return EncodeFault::kRaggedArray;
      first = level->At<duckdb_list_entry>(first.offset);
    }
    const EncodeFault fault = AppendElements(list, 0, lengths.data(), has_null, out);
    if (fault != EncodeFault::kNone) return fault;
  }
  const std::size_t size = out.size() - begin - sizeof(std::int32_t);
  if (size > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    return EncodeFault::kTooLarge;
  }
  WriteBigEndian(static_cast<std::int32_t>(size), out.data() + begin);
  WriteBigEndian(std::int32_t{has_null ? 1 : 0}, out.data() + begin + 8);
  return EncodeFault::kNone;
}

// NOLINTNEXTLINE(misc-no-recursion): a list's element is a cell.
EncodeFault CellEncoder::Append(std::size_t row, std::string& out) const {
  if (IsNull(row)) {
    AppendBigEndian(std::int32_t{-1}, out);
    return EncodeFault::kNone;
  }
  switch (type_.kind) {
    case Kind::kBool:
      AppendBigEndian(std::int32_t{1}, out);
      out += static_cast<char>(At<bool>(row));
      return EncodeFault::kNone;
    case Kind::kInt16:
      AppendFixed(At<std::int16_t>(row), out);
      return EncodeFault::kNone;
    case Kind::kInt32:
    case Kind::kUint32:
    case Kind::kFloat32:
      AppendFixed(At<std::int32_t>(row), out);
      return EncodeFault::kNone;
    case Kind::kInt64:
    case Kind::kFloat64:
    case Kind::kTime:
      AppendFixed(At<std::int64_t>(row), out);
      return EncodeFault::kNone;
    case Kind::kDecimal:
      return AppendDecimal(row, out);
    case Kind::kText:
    case Kind::kJson:
    case Kind::kBytes:
      return AppendBytes(At<duckdb_string_t>(row), out);
    case Kind::kUuid:
      AppendUuid(At<duckdb_hugeint>(row), out);
      return EncodeFault::kNone;
    case Kind::kDate:
      return AppendSinceEpoch(At<std::int32_t>(row), kEpochDays, out);
    case Kind::kTimeTz:
      AppendTimeTz(At<std::uint64_t>(row), out);
      return EncodeFault::kNone;
    case Kind::kTimestamp:
    case Kind::kTimestampTz:
      return AppendSinceEpoch(At<std::int64_t>(row), kEpochMicros, out);
    case Kind::kInterval:
      AppendInterval(At<duckdb_interval>(row), out);
      return EncodeFault::kNone;
    case Kind::kList:
      return AppendArray(row, out);
  }
  return EncodeFault::kNone;
}

}  // namespace afluente::postgres
