#include "pipeline/transform_check.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/names.h"
#include "data/duckdb_api.h"

namespace afluente::pipeline {
namespace {

using nlohmann::json;

std::string StringAt(const json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : "";
}

bool IsBatchTable(const json& node) {
  return node.is_object() && StringAt(node, "type") == "BASE_TABLE" &&
         StringAt(node, "table_name") == "batch" && StringAt(node, "schema_name").empty();
}

// NOLINTNEXTLINE(misc-no-recursion): a syntax tree.
int CountBatch(const json& node) {
  if (!node.is_structured()) return 0;
  int count = IsBatchTable(node) ? 1 : 0;
  for (const json& child : node) count += CountBatch(child);
  return count;
}

bool IsEmpty(const json& node, const char* key) {
  const auto found = node.find(key);
  return found == node.end() || found->is_null() || (found->is_array() && found->empty());
}

class RowWiseCheck {
 public:
  explicit RowWiseCheck(const std::set<std::string>& aggregates) : aggregates_(aggregates) {}

  // Only the part of the tree that sees batch's rows is held to the rules.
  // NOLINTNEXTLINE(misc-no-recursion): a syntax tree.
  void Query(const json& node) {
    const std::string type = StringAt(node, "type");
    if (type != "SELECT_NODE") {
      Refuse(type == "SET_OPERATION_NODE" ? "UNION, EXCEPT and INTERSECT" : "recursion");
      return;
    }
    if (!IsEmpty(node, "group_expressions")) Refuse("GROUP BY");
    if (!IsEmpty(node, "having")) Refuse("HAVING");
    if (!IsEmpty(node, "qualify")) Refuse("QUALIFY");
    if (!IsEmpty(node, "sample")) Refuse("sampling");
    for (const json& modifier : node.value("modifiers", json::array())) Modifier(modifier);
    for (const auto& [key, child] : node.items()) {
      if (key != "modifiers") Walk(child);
    }
  }

  const std::set<std::string>& refused() const { return refused_; }

 private:
  void Refuse(const std::string& what) { refused_.insert(what); }

  void Modifier(const json& modifier) {
    const std::string type = StringAt(modifier, "type");
    if (type == "DISTINCT_MODIFIER") Refuse("DISTINCT");
    if (type == "ORDER_MODIFIER") Refuse("ORDER BY");
    if (type.starts_with("LIMIT")) Refuse("LIMIT");
  }

  // NOLINTNEXTLINE(misc-no-recursion): a syntax tree.
  void Walk(const json& node) {
    if (!node.is_structured()) return;
    if (node.is_object()) {
      const std::string type = StringAt(node, "type");
      if (type.ends_with("_NODE")) {
        if (CountBatch(node) != 0) Query(node);
        return;
      }
      if (StringAt(node, "class") == "WINDOW") Refuse("window functions");
      if (StringAt(node, "class") == "FUNCTION" &&
          aggregates_.contains(StringAt(node, "function_name"))) {
        Refuse("the aggregate " + StringAt(node, "function_name"));
      }
    }
    for (const json& child : node) Walk(child);
  }

  const std::set<std::string>& aggregates_;
  std::set<std::string> refused_;
};

class SqlParser {
 public:
  static Result<SqlParser> Open() {
    SqlParser parser;
    if (duckdb_open(nullptr, parser.database_.out()) == DuckDBError ||
        duckdb_connect(parser.database_.get(), parser.connection_.out()) == DuckDBError) {
      return Error(ErrorKind::kInternal, "DuckDB does not open");
    }
    AFL_ASSIGN(const auto names,
               data::QueryCells(parser.connection_.get(),
                                "SELECT DISTINCT function_name FROM duckdb_functions() "
                                "WHERE function_type = 'aggregate'"));
    for (const auto& row : names) parser.aggregates_.insert(row.front().text);
    return parser;
  }

  Result<std::vector<estate::Finding>> Check(const estate::Integration& integration) const {
    std::vector<estate::Finding> findings;
    const auto add = [&](std::string message) {
      findings.push_back({integration.transform_mark, std::move(message)});
    };
    AFL_ASSIGN(const auto rows,
               data::QueryCells(connection_.get(), "SELECT json_serialize_sql(" +
                                                       QuoteLiteral(integration.transform) + ")"));
    const json tree = json::parse(rows.front().front().text);
    if (tree.value("error", false)) {
      add("transform does not parse as one SELECT: " + StringAt(tree, "error_message"));
      return findings;
    }
    const json& statements = tree.at("statements");
    if (statements.size() != 1) {
      add(fmt::format("transform has {} statements; expected one SELECT ... FROM batch",
                      statements.size()));
      return findings;
    }
    const json& query = statements.front().at("node");
    const int batches = CountBatch(query);
    if (batches == 0) add("transform does not read batch; expected SELECT ... FROM batch");
    if (batches > 1) {
      add(fmt::format(
          "transform names batch {} times; rows stream through once, so it may be named "
          "once (use a model for a self-join)",
          batches));
    }
    RowWiseCheck check(aggregates_);
    check.Query(query);
    for (const std::string& what : check.refused()) {
      add(fmt::format("transform uses {}; a transform sees one row at a time, use a model", what));
    }
    return findings;
  }

 private:
  data::DuckDatabase database_;
  data::DuckConnection connection_;
  std::set<std::string> aggregates_;
};

}  // namespace

Result<std::vector<estate::Finding>> CheckTransform(const estate::Integration& integration) {
  if (integration.transform.empty()) return std::vector<estate::Finding>();
  AFL_ASSIGN(const SqlParser parser, SqlParser::Open());
  return parser.Check(integration);
}

Result<std::vector<estate::Finding>> CheckTransforms(const estate::Estate& estate) {
  std::vector<estate::Finding> findings;
  std::optional<SqlParser> parser;
  for (const auto& [name, integration] : estate.integrations) {
    if (integration.transform.empty()) continue;
    if (!parser) {
      AFL_ASSIGN(parser, SqlParser::Open());
    }
    AFL_ASSIGN(const auto own, parser->Check(integration));
    findings.insert(findings.end(), own.begin(), own.end());
  }
  return findings;
}

}  // namespace afluente::pipeline
