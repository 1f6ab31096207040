// BigQuery's Storage Read API as the program uses it; what speaks gRPC implements it (src/grpc/).
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"

namespace afluente::bigquery {

struct ReadRequest {
  std::string project;               // Which pays for the read.
  std::string table;                 // "projects/P/datasets/D/tables/T".
  std::vector<std::string> columns;  // None: all of them.
  std::string condition;             // GoogleSQL over the columns, without subqueries; "": none.
  int streams_max = 1;
};

/// One state of a table, in streams of which each has some of its rows. Good for six hours.
struct ReadSession {
  std::string avro_schema;           // JSON.
  std::vector<std::string> streams;  // None: no row meets the condition.
  std::uint64_t estimated_rows = 0;
};

/// Errors as those of google::Service.
class RowStream {
 public:
  virtual ~RowStream() = default;
  /// The next block of whole rows in Avro's binary encoding; "": the end. A stream that
  /// breaks is opened again behind the last row.
  virtual Result<std::string> Next(const std::stop_token& stop) = 0;
};

/// Thread-safe.
class TableReads {
 public:
  virtual ~TableReads() = default;
  virtual Result<ReadSession> Begin(const ReadRequest& request, const std::stop_token& stop) = 0;
  /// One of a session's streams, from its first row on. Must not outlive this.
  virtual std::unique_ptr<RowStream> Open(const std::string& stream) = 0;
};

}  // namespace afluente::bigquery
