#include "data/duckdb_api.h"

#include <string_view>

namespace afluente::data {
namespace {

// DuckDB appends the statement and a caret to binder and parser errors, and a
// stack trace to internal ones: neither belongs into a message for people.
std::string FirstParagraph(const std::string& message) {
  const std::size_t end = message.find("\n\n");
  std::string text = message.substr(0, end);
  const std::size_t line = text.find("\nLINE ");
  return line == std::string::npos ? text : text.substr(0, line);
}

}  // namespace

ErrorKind KindOfDuckError(duckdb_error_type type, const std::string& message) {
  const auto says = [&](std::string_view text) { return message.find(text) != std::string::npos; };
  if (type == DUCKDB_ERROR_INTERRUPT) return ErrorKind::kCancelled;
  if (type == DUCKDB_ERROR_TRANSACTION && says("onflict")) return ErrorKind::kTransient;
  if (type == DUCKDB_ERROR_CATALOG || type == DUCKDB_ERROR_BINDER) return ErrorKind::kNotFound;
  if (type == DUCKDB_ERROR_CONVERSION || type == DUCKDB_ERROR_OUT_OF_RANGE ||
      type == DUCKDB_ERROR_INVALID_INPUT || type == DUCKDB_ERROR_CONSTRAINT) {
    return ErrorKind::kConversion;
  }
  if (type == DUCKDB_ERROR_PARSER || type == DUCKDB_ERROR_SYNTAX ||
      type == DUCKDB_ERROR_PERMISSION) {
    return ErrorKind::kInvalidConfig;
  }
  return ErrorKind::kInternal;
}

Result<DuckResult> Query(duckdb_connection connection, const std::string& sql) {
  DuckResult result;
  if (duckdb_query(connection, sql.c_str(), result.out()) == DuckDBError) {
    const char* text = duckdb_result_error(result.out());
    const std::string message = text != nullptr ? text : "DuckDB failed without a text";
    return Error(KindOfDuckError(duckdb_result_error_type(result.out()), message),
                 FirstParagraph(message));
  }
  return result;
}

Status Execute(duckdb_connection connection, const std::string& sql) {
  AFL_TRY(Query(connection, sql));
  return Done{};
}

Result<std::vector<std::vector<Cell>>> QueryCells(duckdb_connection connection,
                                                  const std::string& sql) {
  AFL_ASSIGN(DuckResult result, Query(connection, "SELECT COLUMNS(*)::VARCHAR FROM (" + sql + ")"));
  std::vector<std::vector<Cell>> rows;
  const idx_t columns = duckdb_column_count(result.out());
  while (true) {
    DuckChunk chunk(duckdb_fetch_chunk(result.get()));
    if (chunk.get() == nullptr) return rows;
    const idx_t count = duckdb_data_chunk_get_size(chunk.get());
    const std::size_t first = rows.size();
    rows.resize(first + count, std::vector<Cell>(columns));
    for (idx_t column = 0; column < columns; ++column) {
      duckdb_vector vector = duckdb_data_chunk_get_vector(chunk.get(), column);
      auto* strings = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
      std::uint64_t* validity = duckdb_vector_get_validity(vector);
      for (idx_t row = 0; row < count; ++row) {
        if (validity != nullptr && !duckdb_validity_row_is_valid(validity, row)) continue;
        rows[first + row][column] = {{duckdb_string_t_data(&strings[row]),
                                      duckdb_string_t_length(strings[row])},
                                     true};
      }
    }
  }
}

}  // namespace afluente::data
