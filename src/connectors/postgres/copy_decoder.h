// COPY BINARY: one tuple of bytes into one row of a batch.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/cell_decoder.h"
#include "data/batch.h"
#include "data/logical_type.h"

namespace afluente::postgres {

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
  /// look for the row.
  std::string DescribeRow(std::string_view tuple, const std::vector<std::size_t>& indexes) const;

  /// The row as a dead letter keeps it (data::DeadLetter::row), with "***" for the
  /// columns of `hidden`; "" for a broken tuple.
  std::string RawRow(std::string_view tuple, const std::set<std::string>& hidden) const;

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
