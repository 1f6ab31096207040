// PostgreSQL's text forms: one value into one cell of a vector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "connectors/postgres/cell_decoder.h"
#include "connectors/postgres/row_arena.h"
#include "data/batch.h"
#include "data/logical_type.h"

namespace afluente::postgres {

/// How a type's output function prints what `::text`, or the binary form, has
/// otherwise. For an array: how its elements are printed.
enum class OutputForm : std::uint8_t {
  kPlain,   // The same.
  kBpchar,  // Padded with blanks; `::text` has none.
  kBool,    // `t` and `f`; `::text` says true and false. Only where the wanted type is text.
  kInet,    // A host without its netmask; `::text` has it: 10.0.0.1/32.
};

/// What the text of a column looks like, beside its type.
struct TextLayout {
  OutputForm form = OutputForm::kPlain;
  char delimiter = ',';  // pg_type.typdelim of an array's element: `;` for box.
};

/// Decodes the text of one non-NULL value of type `type` into row `row` of
/// `out`, and leaves there what DecodeCell leaves for the same value; for a
/// column that a snapshot reads as `::text` or `::text[]`, what DecodeCell
/// leaves for that.
///
/// Shape   what the type's output function prints under DateStyle ISO,
///         IntervalStyle postgres, extra_float_digits 1 and bytea_output hex.
/// Source  PostgreSQL src/backend/utils/adt: the *_out functions (bool.c, int8.c,
///         float.c, numeric.c, varlena.c, uuid.c, date.c, timestamp.c, arrayfuncs.c).
/// Units   as DecodeCell's.
/// Limits  The sign of a NaN is not printed, and xml is printed without its
///         declaration: both are lost before we see them.
/// Owner   Text is not copied: `cell` must live until the chunk has been
///         consumed, and so must what was put into `arena`: bytea, and elements
///         of arrays that hold escapes.
/// Cost    No allocation except for growing lists and the arena.
/// Safety  Reads nothing outside `cell`, whatever the bytes are.
Fault DecodeTextCell(const data::LogicalType& type, TextLayout layout, std::string_view cell,
                     std::size_t row, data::VectorWriter& out, RowArena& arena);

}  // namespace afluente::postgres
