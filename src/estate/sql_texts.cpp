#include "estate/sql_texts.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

#include "base/names.h"

namespace afluente::estate {
namespace {

// The first word of an SQL text, in small letters, behind blanks, comments and parentheses.
std::string FirstKeyword(std::string_view sql) {
  while (!sql.empty()) {
    const char c = sql.front();
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '(') {
      sql.remove_prefix(1);
    } else if (sql.starts_with("--")) {
      sql.remove_prefix(std::min(sql.find('\n'), sql.size()));
    } else if (sql.starts_with("/*")) {
      const std::size_t end = sql.find("*/", 2);
      sql.remove_prefix(end == std::string_view::npos ? sql.size() : end + 2);
    } else {
      break;
    }
  }
  std::string word;
  for (const char c : sql) {
    if (std::isalpha(static_cast<unsigned char>(c)) == 0) break;
    word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return word;
}

std::string EndProblem(const std::string& sql) {
  const std::size_t last = sql.find_last_not_of(" \t\r\n");
  if (last == std::string::npos) return "it is empty";
  return sql[last] == ';' ? "remove the semicolon at its end" : "";
}

}  // namespace

std::string SelectProblem(const std::string& sql) {
  if (std::string problem = EndProblem(sql); !problem.empty()) return problem;
  const std::string first = FirstKeyword(sql);
  if (first == "select" || first == "with" || first == "values" || first == "table") return "";
  return "it does not start with SELECT or WITH";
}

std::string TransformProblem(const std::string& sql) {
  if (std::string problem = EndProblem(sql); !problem.empty()) return problem;
  const std::string first = FirstKeyword(sql);
  if (first != "select" && first != "with" && first != "from") {
    return "it does not start with SELECT or WITH";
  }
  std::string lower = sql;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower.find("batch") == std::string::npos ? "it does not read from batch" : "";
}

std::string ConditionProblem(const std::string& sql) {
  if (std::string problem = EndProblem(sql); !problem.empty()) return problem;
  return FirstKeyword(sql) == "where" ? "remove the word WHERE" : "";
}

// The words by which a DuckDB type may start; what follows in (), [] or < > is the engine's matter.
std::string ColumnTypeProblem(const std::string& type) {
  static const std::vector<std::string> kTypes = {
      "text",     "varchar",     "char",         "bpchar",       "string",   "boolean",
      "bool",     "tinyint",     "smallint",     "integer",      "int",      "bigint",
      "hugeint",  "utinyint",    "usmallint",    "uinteger",     "ubigint",  "uhugeint",
      "int1",     "int2",        "int4",         "int8",         "int16",    "int32",
      "int64",    "int128",      "long",         "short",        "float",    "float4",
      "float8",   "real",        "double",       "decimal",      "numeric",  "dec",
      "date",     "time",        "timetz",       "timestamp",    "datetime", "timestamptz",
      "interval", "timestamp_s", "timestamp_ms", "timestamp_ns", "blob",     "bytea",
      "binary",   "varbinary",   "bit",          "bitstring",    "uuid",     "json",
      "struct",   "map",         "union",        "enum",         "list",     "bignum",
      "row",      "uint8",       "uint16",       "uint32",       "uint64",   "varint",
      "logical",  "oid",         "signed"};
  std::string word;
  for (const char c : type) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) == 0 && c != '_') break;
    word += static_cast<char>(std::tolower(byte));
  }
  if (type.find(';') != std::string::npos) return "a type holds no semicolon";
  if (std::find(kTypes.begin(), kTypes.end(), word) != kTypes.end()) return "";
  if (word.size() > 40) return "no such type";
  return "no such type" + DidYouMean(word, kTypes);
}

}  // namespace afluente::estate
