// A piece of a DuckDB result as COPY BINARY tuples, ready to be sent whole or in parts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/cell_encoder.h"
#include "data/duckdb_api.h"

namespace afluente::postgres {

/// Encoded rows with their numbers.
struct CopyChunk {
  struct Fault {
    std::size_t row;  // In the chunk.
    std::size_t column;
    EncodeFault fault;
  };

  std::string bytes;
  std::vector<std::size_t> ends;      // Row i is bytes[ends[i-1]..ends[i]).
  std::vector<std::int64_t> numbers;  // Ascending.
  std::vector<Fault> faults;          // Rows that have no bytes.

  std::size_t rows() const { return ends.size(); }
  std::string_view Tuples(std::size_t begin, std::size_t end) const;
  void Clear();
};

/// Streams a SELECT whose last column is the row's number (BIGINT) and whose
/// others have the given types. One thread uses it; the connection belongs to
/// it while it lives.
class CopyChunks {
 public:
  /// Borrows `types`. Errors: of the statement.
  static Result<std::unique_ptr<CopyChunks>> Open(duckdb_connection connection,
                                                  const std::string& sql,
                                                  const std::vector<data::LogicalType>& types);

  /// Fills `chunk` with the next rows: at most `rows_max`, and no more than
  /// fit `bytes_max`, but one in any case. Empty at the end.
  /// Errors: kInternal when the numbers do not ascend.
  Status Next(std::size_t rows_max, std::size_t bytes_max, CopyChunk& chunk);

 private:
  explicit CopyChunks(const std::vector<data::LogicalType>& types);
  Status Fetch();
  void EncodeRow(CopyChunk& chunk);

  std::vector<CellEncoder> encoders_;
  data::DuckResult result_;
  data::DuckChunk fetched_;
  const std::int64_t* numbers_ = nullptr;
  std::size_t size_ = 0;
  std::size_t next_ = 0;
  std::int64_t last_number_ = -1;
  bool at_end_ = false;
};

}  // namespace afluente::postgres
