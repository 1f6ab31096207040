#include "pipeline/transform_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "data/duckdb_api.h"
#include "pipeline/sql_parser.h"

namespace afluente::pipeline {
namespace {

using nlohmann::json;

// The table that a node names; "" for any other node. DuckDB ignores case.
std::string TableName(const json& node) {
  const bool is_table = node.is_object() && StringAt(node, "type") == "BASE_TABLE" &&
                        StringAt(node, "schema_name").empty();
  return is_table ? InSmallLetters(StringAt(node, "table_name")) : "";
}

// NOLINTNEXTLINE(misc-no-recursion): a syntax tree.
int CountTable(const json& node, const std::string& name) {
  if (!node.is_structured()) return 0;
  int count = TableName(node) == name ? 1 : 0;
  for (const json& child : node) count += CountTable(child, name);
  return count;
}

bool IsEmpty(const json& node, const char* key) {
  const auto found = node.find(key);
  return found == node.end() || found->is_null() || (found->is_array() && found->empty());
}

using Ctes = std::vector<std::pair<std::string, const json*>>;  // Name, query.

// NOLINTNEXTLINE(misc-no-recursion): a syntax tree.
void CollectCtes(const json& node, Ctes& ctes) {
  if (!node.is_structured()) return;
  if (const auto map = node.find("cte_map"); node.is_object() && map != node.end()) {
    for (const json& entry : map->at("map")) {
      ctes.emplace_back(InSmallLetters(StringAt(entry, "key")), &entry.at("value"));
    }
  }
  for (const json& child : node) CollectCtes(child, ctes);
}

// Batch, and what the query defines over it: their rows come lane by lane.
class BatchTables {
 public:
  explicit BatchTables(const json& query) {
    Ctes ctes;
    CollectCtes(query, ctes);
    // A CTE may read another one: as many rounds as there are.
    for (std::size_t round = 0; round < ctes.size(); ++round) {
      for (const auto& [name, definition] : ctes) {
        if (ReadBy(*definition)) names_.insert(name);
      }
    }
    for (const auto& [name, definition] : ctes) defines_batch_ = defines_batch_ || name == "batch";
  }

  // NOLINTNEXTLINE(misc-no-recursion): a syntax tree.
  bool ReadBy(const json& node) const {
    if (!node.is_structured()) return false;
    if (names_.contains(TableName(node))) return true;
    return std::any_of(node.begin(), node.end(), [&](const json& child) { return ReadBy(child); });
  }

  const std::set<std::string>& names() const { return names_; }
  bool defines_batch() const { return defines_batch_; }

 private:
  std::set<std::string> names_ = {"batch"};
  bool defines_batch_ = false;
};

class RowWiseCheck {
 public:
  RowWiseCheck(const std::set<std::string>& aggregates, const BatchTables& batch)
      : aggregates_(aggregates), batch_(batch) {}

  // Only the part of the tree that sees batch's rows is held to the rules.
  // NOLINTNEXTLINE(misc-no-recursion): a syntax tree.
  void Query(const json& node) {
    const std::string type = StringAt(node, "type");
    if (type != "SELECT_NODE") {
      Refuse(type == "SET_OPERATION_NODE" ? "UNION, EXCEPT and INTERSECT" : "recursion");
      return;
    }
    const bool groups_all = StringAt(node, "aggregate_handling") == "FORCE_AGGREGATES";
    if (groups_all || !IsEmpty(node, "group_expressions")) Refuse("GROUP BY");
    if (!IsEmpty(node, "having")) Refuse("HAVING");
    if (!IsEmpty(node, "qualify")) Refuse("QUALIFY");
    if (!IsEmpty(node, "sample")) Refuse("sampling");
    if (batch_.ReadBy(node) && !batch_.ReadBy(node.value("from_table", json()))) {
      Refuse("batch outside of FROM");
    }
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

  // The other side's rows must not appear, or be missing, once a lane.
  void Join(const json& node) {
    const bool left = batch_.ReadBy(node.at("left"));
    const bool right = batch_.ReadBy(node.at("right"));
    if (!left && !right) return;
    const std::string type = StringAt(node, "join_type");
    if (StringAt(node, "ref_type") == "POSITIONAL") Refuse("POSITIONAL JOIN");
    if (type == "FULL") Refuse("FULL JOIN");
    if (type.starts_with("RIGHT") && left) Refuse("batch on the left of a " + type + " JOIN");
    if ((type == "LEFT" || type == "SEMI" || type == "ANTI") && right) {
      Refuse("batch on the right of a " + type + " JOIN");
    }
  }

  // NOLINTNEXTLINE(misc-no-recursion): a syntax tree.
  void Walk(const json& node) {
    if (!node.is_structured()) return;
    if (node.is_object()) {
      const std::string type = StringAt(node, "type");
      if (type.ends_with("_NODE")) {
        if (batch_.ReadBy(node)) Query(node);
        return;
      }
      if (type == "JOIN") Join(node);
      if (!IsEmpty(node, "sample") && batch_.ReadBy(node)) Refuse("sampling");
      if (StringAt(node, "class") == "WINDOW") Refuse("window functions");
      if (StringAt(node, "class") == "FUNCTION" &&
          aggregates_.contains(StringAt(node, "function_name"))) {
        Refuse("the aggregate " + StringAt(node, "function_name"));
      }
    }
    for (const json& child : node) Walk(child);
  }

  const std::set<std::string>& aggregates_;
  const BatchTables& batch_;
  std::set<std::string> refused_;
};

// NOLINTNEXTLINE(misc-no-recursion): a syntax tree.
bool MixesRows(const json& node) {
  if (!node.is_structured()) return false;
  const bool mixes = node.is_object() &&
                     (StringAt(node, "type") == "JOIN" || StringAt(node, "class") == "SUBQUERY");
  return mixes || std::any_of(node.begin(), node.end(), MixesRows);
}

class TransformChecker {
 public:
  static Result<TransformChecker> Open() {
    AFL_ASSIGN(SqlParser parser, SqlParser::Open());
    AFL_ASSIGN(const auto names,
               data::QueryCells(parser.connection(),
                                "SELECT DISTINCT function_name FROM duckdb_functions() "
                                "WHERE function_type = 'aggregate'"));
    TransformChecker checker(std::move(parser));
    for (const auto& row : names) checker.aggregates_.insert(row.front().text);
    return checker;
  }

  Result<std::vector<estate::Finding>> Check(const estate::Integration& integration) const {
    std::vector<estate::Finding> findings;
    const auto add = [&](std::string message) {
      findings.push_back({integration.transform_mark, std::move(message)});
    };
    AFL_ASSIGN(const json tree, Parse(integration));
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
    const BatchTables batch(query);
    if (batch.defines_batch()) add("transform defines a table batch, which hides the rows");
    if (CountTable(query, "batch") == 0) {
      add("transform does not read batch; expected SELECT ... FROM batch");
    }
    for (const std::string& name : batch.names()) {
      const int count = CountTable(query, name);
      if (count < 2) continue;
      add(
          fmt::format("transform names {} {} times; rows stream through once, so it may be named "
                      "once (use a model for a self-join)",
                      name, count));
    }
    RowWiseCheck check(aggregates_, batch);
    check.Query(query);
    for (const std::string& what : check.refused()) {
      add(fmt::format("transform uses {}; a transform sees one row at a time, use a model", what));
    }
    return findings;
  }

  Result<bool> KeepsOrder(const estate::Integration& integration) const {
    AFL_ASSIGN(const json tree, Parse(integration));
    return !MixesRows(tree);
  }

 private:
  explicit TransformChecker(SqlParser parser) : parser_(std::move(parser)) {}

  Result<json> Parse(const estate::Integration& integration) const {
    return ParseSql(parser_.connection(), integration.transform);
  }

  SqlParser parser_;
  std::set<std::string> aggregates_;
};

}  // namespace

Result<std::vector<estate::Finding>> CheckTransform(const estate::Integration& integration) {
  if (integration.transform.empty()) return std::vector<estate::Finding>();
  AFL_ASSIGN(const TransformChecker checker, TransformChecker::Open());
  return checker.Check(integration);
}

Result<bool> KeepsOrder(const estate::Integration& integration) {
  if (integration.transform.empty()) return true;
  AFL_ASSIGN(const TransformChecker checker, TransformChecker::Open());
  return checker.KeepsOrder(integration);
}

Result<std::vector<estate::Finding>> CheckTransforms(const estate::Estate& estate) {
  std::vector<estate::Finding> findings;
  std::optional<TransformChecker> checker;
  for (const auto& [name, integration] : estate.integrations) {
    if (integration.transform.empty()) continue;
    if (!checker) {
      AFL_ASSIGN(checker, TransformChecker::Open());
    }
    AFL_ASSIGN(const auto own, checker->Check(integration));
    findings.insert(findings.end(), own.begin(), own.end());
  }
  return findings;
}

}  // namespace afluente::pipeline
