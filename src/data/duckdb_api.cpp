#include "data/duckdb_api.h"

#include <string_view>

#include "base/names.h"

namespace afluente::data {
namespace {

// DuckDB appends the statement and a caret to binder and parser errors, and a
// stack trace to internal ones: neither belongs into a message for people.
std::string FirstParagraph(const std::string& message) {
  const std::size_t end = message.find("\n\n");
  std::string text = message.substr(0, end);
  text = text.substr(0, text.find("\nLINE "));
  // Its own catalog is never what somebody meant.
  return text.substr(0, text.find("\nDid you mean \"pg_"));
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

Status ForEachRow(DuckResult& result, const std::function<void(const std::vector<Cell>&)>& visit) {
  const idx_t columns = duckdb_column_count(result.out());
  std::vector<Cell> row(columns);
  while (true) {
    const DuckChunk chunk(duckdb_fetch_chunk(result.get()));
    if (chunk.get() == nullptr) break;
    const idx_t count = duckdb_data_chunk_get_size(chunk.get());
    if (count == 0) break;
    for (idx_t i = 0; i < count; ++i) {
      for (idx_t column = 0; column < columns; ++column) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk.get(), column);
        std::uint64_t* validity = duckdb_vector_get_validity(vector);
        row[column].valid = validity == nullptr || duckdb_validity_row_is_valid(validity, i);
        if (!row[column].valid) continue;
        auto* cell = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector)) + i;
        row[column].text.assign(duckdb_string_t_data(cell), duckdb_string_t_length(*cell));
      }
      visit(row);
    }
  }
  const char* failed = duckdb_result_error(result.out());
  if (failed == nullptr) return Done{};
  return Error(KindOfDuckError(duckdb_result_error_type(result.out()), failed),
               FirstParagraph(failed));
}

Result<TextQuery> QueryAsText(duckdb_connection connection, const std::string& sql) {
  const auto prepare = [&](const std::string& text) -> Result<DuckPrepared> {
    DuckPrepared prepared;
    if (duckdb_prepare(connection, text.c_str(), prepared.out()) == DuckDBError) {
      const std::string message = duckdb_prepare_error(prepared.get());
      return Error(ErrorKind::kInvalidConfig, FirstParagraph(message));
    }
    return prepared;
  };
  TextQuery query;
  {
    AFL_ASSIGN(const DuckPrepared prepared, prepare(sql));
    if (duckdb_prepared_statement_type(prepared.get()) != DUCKDB_STATEMENT_TYPE_SELECT) {
      return Error(ErrorKind::kInvalidConfig,
                   "this statement yields no rows; expected SELECT, FROM, DESCRIBE or SHOW");
    }
    for (idx_t i = 0; i < duckdb_prepared_statement_column_count(prepared.get()); ++i) {
      // Ours to free, although the header hands it out as const.
      const char* name = duckdb_prepared_statement_column_name(prepared.get(), i);
      query.names.emplace_back(name);
      duckdb_free(const_cast<char*>(name));
      query.types.push_back(duckdb_prepared_statement_column_type(prepared.get(), i));
    }
  }
  // query() parses the text by itself: it may end in semicolons and comments.
  AFL_ASSIGN(const DuckPrepared prepared,
             prepare("SELECT COLUMNS(*)::VARCHAR FROM query(" + QuoteLiteral(sql) + ")"));
  if (duckdb_execute_prepared_streaming(prepared.get(), query.result.out()) == DuckDBError) {
    const std::string message = duckdb_result_error(query.result.out());
    return Error(KindOfDuckError(duckdb_result_error_type(query.result.out()), message),
                 FirstParagraph(message));
  }
  return query;
}

Result<std::vector<std::vector<Cell>>> QueryCells(duckdb_connection connection,
                                                  const std::string& sql) {
  AFL_ASSIGN(DuckResult result, Query(connection, "SELECT COLUMNS(*)::VARCHAR FROM (" + sql + ")"));
  std::vector<std::vector<Cell>> rows;
  AFL_TRY(ForEachRow(result, [&](const std::vector<Cell>& row) { rows.push_back(row); }));
  return rows;
}

}  // namespace afluente::data
