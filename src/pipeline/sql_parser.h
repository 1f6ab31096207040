// DuckDB's parser as a library: an SQL text as its syntax tree.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "data/duckdb_api.h"

namespace afluente::pipeline {

/// What json_serialize_sql makes of `sql`: {"error": false, "statements": [{"node"}, ...]}, or
/// {"error": true, "error_message", "position"} where it does not parse or is no SELECT.
/// Format: DuckDB's own, https://duckdb.org/docs/stable/data/json/sql_to_and_from_json.
/// Runs nothing of it. Errors: DuckDB's.
Result<nlohmann::json> ParseSql(duckdb_connection connection, const std::string& sql);

/// kInvalidConfig unless `sql` is one SELECT (or VALUES, FROM, WITH ...).
Status ExpectOneSelect(duckdb_connection connection, const std::string& sql);

/// The text under `key` of an object; "" when there is none.
std::string StringAt(const nlohmann::json& node, const char* key);

/// `text` in small letters: DuckDB ignores the case of names.
std::string InSmallLetters(std::string text);

/// A DuckDB without any database, to parse with. Not for several threads.
class SqlParser {
 public:
  /// Errors: kInternal when DuckDB does not open.
  static Result<SqlParser> Open();
  duckdb_connection connection() const { return connection_.get(); }

 private:
  data::DuckDatabase database_;
  data::DuckConnection connection_;
};

}  // namespace afluente::pipeline
