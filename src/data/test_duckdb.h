// DuckDB as unit tests use it: an instance in memory, and its text of values.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "data/batch.h"
#include "data/duckdb_api.h"

namespace afluente::data {

/// An in-memory instance with one connection.
class TestDuckdb {
 public:
  TestDuckdb() {
    if (duckdb_open(nullptr, database_.out()) == DuckDBError ||
        duckdb_connect(database_.get(), connection_.out()) == DuckDBError) {
      throw std::runtime_error("DuckDB does not open");
    }
    if (!Execute(connection_.get(), "SET TimeZone = 'UTC'").ok()) {
      throw std::runtime_error("DuckDB does not know UTC");
    }
  }

  duckdb_connection connection() const { return connection_.get(); }

  /// Every row of `sql` as "a|b|NULL".
  std::vector<std::string> Rows(const std::string& sql) const {
    return RowsOf(connection_.get(), sql);
  }

  static std::vector<std::string> RowsOf(duckdb_connection connection, const std::string& sql) {
    const auto cells = QueryCells(connection, sql);
    if (!cells.ok()) return {"failed: " + cells.error().message()};
    std::vector<std::string> rows;
    for (const auto& row : cells.value()) {
      std::string& text = rows.emplace_back();
      for (std::size_t i = 0; i < row.size(); ++i) {
        text += (i == 0 ? "" : "|") + (row[i].valid ? row[i].text : "NULL");
      }
    }
    return rows;
  }

 private:
  DuckDatabase database_;
  DuckConnection connection_;
};

/// A chunk of one column that a test fills and DuckDB then reads back as text.
class TestColumn {
 public:
  explicit TestColumn(LogicalType type)
      : type_(std::move(type)), schema_{{"v", type_, true}}, batch_(schema_) {
    const DuckType duck_type = type_.ToDuckdb();
    duckdb_logical_type raw = duck_type.get();
    chunk_ = DuckChunk(duckdb_create_data_chunk(&raw, 1));
    batch_.Attach(chunk_.get());
  }

  Batch& batch() { return batch_; }
  VectorWriter& writer() { return batch_.columns().front(); }
  const Schema& schema() const { return schema_; }

  /// Starts the same chunk again, as DuckDB does between two calls of a table function.
  void Reset() {
    duckdb_data_chunk_reset(chunk_.get());
    batch_.Attach(chunk_.get());
  }

  /// Ends filling and reads the rows back; `expression` sees a cell as v.
  std::vector<std::string> Rows(std::size_t rows, const std::string& expression = "v") {
    batch_.Finish(rows);
    const duckdb_connection connection = duckdb_.connection();
    const Status created =
        Execute(connection, "CREATE OR REPLACE TABLE t(v " + type_.DuckdbName() + ")");
    if (!created.ok()) return {"failed: " + created.error().message()};
    duckdb_appender appender = nullptr;
    duckdb_appender_create(connection, nullptr, "t", &appender);
    const bool appended = duckdb_append_data_chunk(appender, chunk_.get()) == DuckDBSuccess;
    const char* error = duckdb_appender_error(appender);
    const std::string failed = error != nullptr ? error : "append failed";
    duckdb_appender_destroy(&appender);
    if (!appended) return {"failed: " + failed};
    return duckdb_.Rows("SELECT " + expression + " FROM t ORDER BY rowid");
  }

 private:
  TestDuckdb duckdb_;
  LogicalType type_;
  Schema schema_;
  Batch batch_;
  DuckChunk chunk_;
};

}  // namespace afluente::data
