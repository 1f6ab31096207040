// COPY BINARY: one tuple of bytes into one row of a batch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/batch.h"
#include "data/logical_type.h"

namespace afluente::postgres {

/// Why a cell cannot be decoded.
enum class Fault : std::uint8_t {
  kNone,
  kMalformed,  // The bytes are not what the type's binary form allows.
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

/// Decodes tuples of one COPY BINARY stream. One thread uses it; keeps no
/// bytes. Source: PostgreSQL documentation, COPY, "Binary Format".
class CopyDecoder {
 public:
  CopyDecoder(const data::Schema& schema, std::vector<TextForm> forms);

  /// Decodes one tuple (field count first) into `row` of `batch`. A tuple that
  /// fails leaves the row as if it had not been touched.
  /// Errors: kConversion naming the column, kInternal for a broken stream.
  Status DecodeTuple(std::string_view tuple, std::size_t row, data::Batch& batch);

  /// "id=42, uuid=6f...": the columns at `indexes` of a tuple, for people who
  /// look for the row. Integers and text as such, other types in hex.
  std::string DescribeRow(std::string_view tuple, const std::vector<std::size_t>& indexes) const;

 private:
  struct ListColumn {
    std::size_t column;
    std::size_t size;  // Elements before the row in hand.
  };

  void TakeBack(std::size_t row, std::size_t fields, data::Batch& batch) const;

  const data::Schema& schema_;
  std::vector<TextForm> forms_;
  std::vector<ListColumn> lists_;
};

}  // namespace afluente::postgres
