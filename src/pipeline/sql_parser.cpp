#include "pipeline/sql_parser.h"

#include <fmt/format.h>

#include <cctype>

#include "base/names.h"

namespace afluente::pipeline {

using nlohmann::json;

Result<json> ParseSql(duckdb_connection connection, const std::string& sql) {
  AFL_ASSIGN(const auto rows,
             data::QueryCells(connection, "SELECT json_serialize_sql(" + QuoteLiteral(sql) + ")"));
  return json::parse(rows.front().front().text);
}

Status ExpectOneSelect(duckdb_connection connection, const std::string& sql) {
  AFL_ASSIGN(const json tree, ParseSql(connection, sql));
  if (tree.value("error", false)) {
    return Error(ErrorKind::kInvalidConfig,
                 "it does not parse as one SELECT: " + StringAt(tree, "error_message"));
  }
  const std::size_t count = tree.at("statements").size();
  if (count == 1) return Done{};
  return Error(ErrorKind::kInvalidConfig,
               fmt::format("it has {} statements; expected one SELECT", count));
}

std::string StringAt(const json& node, const char* key) {
  if (!node.is_object()) return "";
  const auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string InSmallLetters(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Result<SqlParser> SqlParser::Open() {
  SqlParser parser;
  if (duckdb_open(nullptr, parser.database_.out()) == DuckDBError ||
      duckdb_connect(parser.database_.get(), parser.connection_.out()) == DuckDBError) {
    return Error(ErrorKind::kInternal, "DuckDB does not open");
  }
  return parser;
}

}  // namespace afluente::pipeline
