// A numeric that has been read, into a cell of a DECIMAL vector.
#pragma once

#include <cstddef>
#include <cstdint>

#include "connectors/postgres/cell_decoder.h"
#include "connectors/postgres/numeric.h"
#include "data/batch.h"
#include "data/logical_type.h"

namespace afluente::postgres {

/// Writes `value`, in units of 10^-scale, if `outcome` is kExact; else says why not.
/// Source: DuckDB keeps a DECIMAL in 16, 32, 64 or 128 bits by its precision
/// (duckdb.h, duckdb_decimal_internal_type).
inline Fault SetDecimal(const data::LogicalType& type, NumericOutcome outcome, __int128 value,
                        std::size_t row, data::VectorWriter& out) {
  switch (outcome) {
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

}  // namespace afluente::postgres
