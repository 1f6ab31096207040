// PostgreSQL's binary forms: one value into one cell of a vector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "data/batch.h"
#include "data/logical_type.h"

namespace afluente::postgres {

/// Why a cell cannot be decoded.
enum class Fault : std::uint8_t {
  kNone,
  kMalformed,  // The bytes are not what the type's form allows.
  kNotUtf8,
  kTimeOutOfRange,  // Does not fit 64-bit microseconds since 1970.
  kNotFinite,       // NaN or an infinity in a DECIMAL.
  kDigitsLost,      // More digits than the DECIMAL holds.
  kArrayShape,      // Other dimensions than declared, or a lower bound other than 1.
};

/// What happened, and the cure: goes behind `column "x"`.
std::string_view Describe(Fault fault);

/// How the bytes of a text-like value, or of an array's elements, are wrapped.
enum class TextForm : std::uint8_t {
  kPlain,
  kJsonb,   // A version byte stands in front.
  kBpchar,  // Padded with blanks that `::text` does not print.
};

/// Decodes one non-NULL cell of type `type` into row `row` of `out`.
///
/// Shape   the cell's bytes without their length word.
/// Units   dates, times: days and microseconds since 2000-01-01 in, since
///         1970-01-01 out; both have infinity as their extreme values.
/// Source  PostgreSQL src/backend/utils/adt: the *_send functions (date.c,
///         timestamp.c, numeric.c, arrayfuncs.c, uuid.c, jsonb.c).
/// Cost    No allocation except for growing lists. Text is not copied.
/// Safety  Reads nothing outside `cell`, whatever the bytes are. Pure.
Fault DecodeCell(const data::LogicalType& type, TextForm form, std::string_view cell,
                 std::size_t row, data::VectorWriter& out);

}  // namespace afluente::postgres
