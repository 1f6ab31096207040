// DuckDB's C API with owned handles: the only header that includes <duckdb.h>.
#pragma once

#include <duckdb.h>

#include <functional>
#include <string>
#include <vector>

#include "base/c_handle.h"
#include "base/result.h"

namespace afluente::data {

using DuckDatabase = Handle<duckdb_database, duckdb_close>;
using DuckConnection = Handle<duckdb_connection, duckdb_disconnect>;
using DuckResult = Handle<duckdb_result, duckdb_destroy_result>;
using DuckConfig = Handle<duckdb_config, duckdb_destroy_config>;
using DuckType = Handle<duckdb_logical_type, duckdb_destroy_logical_type>;
using DuckChunk = Handle<duckdb_data_chunk, duckdb_destroy_data_chunk>;
using DuckPrepared = Handle<duckdb_prepared_statement, duckdb_destroy_prepare>;
using DuckValue = Handle<duckdb_value, duckdb_destroy_value>;
using DuckTableFunction = Handle<duckdb_table_function, duckdb_destroy_table_function>;
using DuckScalarFunction = Handle<duckdb_scalar_function, duckdb_destroy_scalar_function>;

/// The kind of a failed statement, from DuckDB's error type and text: a
/// conflict is kTransient, an interrupt kCancelled, a missing table kNotFound.
ErrorKind KindOfDuckError(duckdb_error_type type, const std::string& message);

/// Runs one statement. Errors carry DuckDB's first line, without the SQL.
Result<DuckResult> Query(duckdb_connection connection, const std::string& sql);

/// Runs one or more statements for their effect.
Status Execute(duckdb_connection connection, const std::string& sql);

/// A cell as text; the second member is false for NULL.
struct Cell {
  std::string text;
  bool valid = false;
};

/// Calls `visit` with every row of a result whose columns are all VARCHAR.
/// Errors: what the statement fails with while it yields rows.
Status ForEachRow(DuckResult& result, const std::function<void(const std::vector<Cell>&)>& visit);

/// A query whose cells arrive as DuckDB's text, with the types they had.
struct TextQuery {
  std::vector<std::string> names;
  std::vector<duckdb_type> types;
  DuckResult result;  // Streams; all columns VARCHAR. Read it with ForEachRow.
};

/// Starts one statement that yields rows.
/// Errors: of the statement; kInvalidConfig for one that is no query.
Result<TextQuery> QueryAsText(duckdb_connection connection, const std::string& sql);

/// All rows of a small result, every cell cast to VARCHAR. For catalogs and
/// checkpoints, not for data.
Result<std::vector<std::vector<Cell>>> QueryCells(duckdb_connection connection,
                                                  const std::string& sql);

}  // namespace afluente::data
