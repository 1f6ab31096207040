// `afluente_lane(id)`: a BatchReader as a table that SQL reads from.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "data/batch.h"
#include "data/duckdb_api.h"

namespace afluente::duck {

/// The lanes that SQL of one DuckDB instance can read. Thread-safe.
class LaneRegistry {
 public:
  LaneRegistry();
  ~LaneRegistry();
  LaneRegistry(const LaneRegistry&) = delete;
  LaneRegistry& operator=(const LaneRegistry&) = delete;

  /// Registers the table function; once per DuckDB instance. The registry must
  /// outlive it.
  Status Install(duckdb_connection connection);

  struct Lane;

 private:
  friend class LaneTable;

  std::mutex mutex_;  // Guards everything below.
  std::map<std::int64_t, std::unique_ptr<Lane>> lanes_;
  std::int64_t next_id_ = 1;
};

/// One reader under a name in SQL, for as long as this object lives. The
/// reader and schema are borrowed; a null reader yields no rows (for DESCRIBE).
/// One statement at a time may read it, on one thread.
class LaneTable {
 public:
  LaneTable(LaneRegistry& registry, data::BatchReader* reader, const data::Schema& schema,
            std::uint64_t estimated_rows);
  ~LaneTable();
  LaneTable(const LaneTable&) = delete;
  LaneTable& operator=(const LaneTable&) = delete;

  /// "afluente_lane(7)".
  std::string sql() const;
  /// The reader's own failure, if that is why the statement failed: DuckDB
  /// hands on its text, but not its kind.
  std::optional<Error> failure() const;

 private:
  LaneRegistry& registry_;
  std::int64_t id_ = 0;
  LaneRegistry::Lane* lane_ = nullptr;
};

}  // namespace afluente::duck
