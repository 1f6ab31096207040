// One value of a vector into PostgreSQL's binary form: the inverse of cell_decoder.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "data/duckdb_api.h"
#include "data/logical_type.h"

namespace afluente::postgres {

/// Why a cell cannot be encoded.
enum class EncodeFault : std::uint8_t {
  kNone,
  kTimeOutOfRange,  // Before what 64-bit microseconds since 2000 reach.
  kRaggedArray,     // Lists of different lengths, or NULL, in the place of a dimension.
  kTooLarge,        // More than the length word of a cell holds.
};

/// What happened, and the cure: goes behind `column "x"`.
std::string_view Describe(EncodeFault fault);

/// The name and the oid of the PostgreSQL type whose binary form `type` is
/// written in: of lists, the array's. "numeric", "timestamp with time zone[]".
std::string WireTypeName(const data::LogicalType& type);

/// Encodes the cells of one column, chunk by chunk. One thread uses it.
///
/// Units   days and microseconds since 1970-01-01 in, since 2000-01-01 out;
///         infinities by each side's extreme values.
/// Source  PostgreSQL src/backend/utils/adt: the *_recv functions.
class CellEncoder {
 public:
  /// `type` is borrowed.
  explicit CellEncoder(const data::LogicalType& type);

  /// Points at a vector of the type; valid while its chunk is.
  void Attach(duckdb_vector vector);

  /// Appends the cell's length word and bytes to `out`. On a fault `out` may
  /// hold a part of the cell.
  EncodeFault Append(std::size_t row, std::string& out) const;

 private:
  bool IsNull(std::size_t row) const;
  template <class T>
  const T& At(std::size_t row) const {
    return static_cast<const T*>(data_)[row];
  }
  EncodeFault AppendDecimal(std::size_t row, std::string& out) const;
  EncodeFault AppendArray(std::size_t row, std::string& out) const;
  EncodeFault AppendElements(const duckdb_list_entry& list, std::size_t depth,
                             const std::uint64_t* lengths, bool& has_null, std::string& out) const;

  const data::LogicalType& type_;
  std::unique_ptr<CellEncoder> child_;
  std::uint32_t element_oid_ = 0;  // Of a list's innermost elements.
  std::size_t dimensions_ = 0;     // Of a list.
  const void* data_ = nullptr;
  const std::uint64_t* validity_ = nullptr;
};

}  // namespace afluente::postgres
