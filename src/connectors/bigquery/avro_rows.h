// Rows as the Storage Read API sends them: Avro's binary encoding, one after the other, decoded
// straight into DuckDB's vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/batch.h"
#include "data/logical_type.h"

namespace afluente::bigquery {

/// One reader of one stream. Not thread-safe.
/// Source: Apache Avro 1.11 specification, "Binary encoding" and "Logical types"; BigQuery,
/// "Avro export details".
class AvroRows {
 public:
  /// `schema`: the session's, JSON of a record. `columns`: the same fields in any order, with
  /// the types that they are to have. Errors: kSchemaMismatch for a field that does not fit.
  static Result<AvroRows> Open(const std::string& schema, const data::Schema& columns);

  /// The next block of whole rows. What was read of the last one is no longer needed.
  void Begin(std::string block);
  /// Fills `batch`, attached with `columns`; returns how many rows; 0: the block is read. Cells
  /// point into the block. Errors: kConversion, with the column, for a value that its type does
  /// not hold; kInternal for bytes that are no Avro.
  Result<std::size_t> Fill(data::Batch& batch);

 private:
  enum class Form : std::uint8_t { kBoolean, kInt, kLong, kDouble, kString, kBytes, kArray };
  struct Field {
    std::string name;
    data::LogicalType type;
    Form form = Form::kLong;
    std::int64_t null_branch = -1;  // Of its union; -1: there is none.
    int scale = 0;                  // Of a decimal's bytes.
    std::size_t column = 0;
    std::shared_ptr<const Field> element;
  };
  class Decoder;
  static Result<Field> FieldOf(const std::string& name, const void* json,
                               const data::LogicalType& type);

  std::vector<Field> fields_;
  std::string block_;
  std::size_t next_ = 0;
};

}  // namespace afluente::bigquery
