#include "support/warehouse_file.h"

#include <duckdb.h>

#include <stdexcept>

#include "base/c_handle.h"

namespace afluente::test {

void ExecInFile(const std::filesystem::path& file, const std::string& sql) {
  Handle<duckdb_database, duckdb_close> database;
  Handle<duckdb_connection, duckdb_disconnect> connection;
  if (duckdb_open(file.c_str(), database.out()) == DuckDBError ||
      duckdb_connect(database.get(), connection.out()) == DuckDBError) {
    throw std::runtime_error("cannot open " + file.string());
  }
  duckdb_result result = {};
  const bool failed = duckdb_query(connection.get(), sql.c_str(), &result) == DuckDBError;
  const char* text = duckdb_result_error(&result);
  const std::string message = text == nullptr ? "" : text;
  duckdb_destroy_result(&result);
  if (failed) throw std::runtime_error(message + "\nin: " + sql);
}

}  // namespace afluente::test
