#include "pipeline/shaping.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/names.h"

namespace afluente::pipeline {
namespace {

const estate::ColumnRule* FindRule(const estate::Integration& integration,
                                   const std::string& column) {
  const auto rule = integration.columns.find(column);
  return rule == integration.columns.end() ? nullptr : &rule->second;
}

}  // namespace

bool ShapingCanFail(const estate::Integration& integration) {
  return !integration.transform.empty() ||
         std::any_of(integration.columns.begin(), integration.columns.end(),
                     [](const auto& rule) { return !rule.second.type.empty(); });
}

Status CheckColumnRules(const std::vector<std::string>& columns, const std::string& what,
                        const estate::Integration& integration) {
  for (const auto& [name, rule] : integration.columns) {
    if (std::find(columns.begin(), columns.end(), name) != columns.end()) continue;
    return Error(ErrorKind::kNotFound,
                 fmt::format("{}: column \"{}\" is not in {}{}", rule.mark.ToString(), name, what,
                             DidYouMean(name, columns)));
  }
  return Done{};
}

bool IsSelected(const std::string& column, const estate::Integration& integration) {
  const auto& rules = integration.columns;
  const bool only_included = std::any_of(rules.begin(), rules.end(),
                                         [](const auto& entry) { return entry.second.include; });
  const estate::ColumnRule* rule = FindRule(integration, column);
  if (rule == nullptr) return !only_included;
  return !rule->exclude && (!only_included || rule->include);
}

std::string ArrivesAs(const std::string& column, const estate::Integration& integration) {
  const estate::ColumnRule* rule = FindRule(integration, column);
  return rule == nullptr || rule->rename.empty() ? column : rule->rename;
}

std::string ComesFrom(const std::string& name, const estate::Integration& integration) {
  for (const auto& [column, rule] : integration.columns) {
    if (rule.rename == name) return column;
  }
  return name;
}

std::string ColumnValue(const estate::Integration& integration, const std::string& column,
                        const std::string& from) {
  const estate::ColumnRule* rule = FindRule(integration, column);
  if (rule != nullptr && rule->mask) return MaskExpression(*rule->mask, from);
  const std::string name = QuoteIdentifier(from);
  if (rule == nullptr || rule->type.empty()) return name;
  return fmt::format("CAST({} AS {})", name, rule->type);
}

std::string KeyValue(const estate::Integration& integration, const std::string& column,
                     const std::string& from) {
  const estate::ColumnRule* rule = FindRule(integration, column);
  const bool is_cast = rule != nullptr && !rule->mask && !rule->type.empty();
  if (!is_cast) return ColumnValue(integration, column, from);
  return fmt::format("TRY_CAST({} AS {})", QuoteIdentifier(from), rule->type);
}

std::string KeyList(const estate::Integration& integration, const data::Schema& key) {
  std::string columns;
  for (const data::Column& column : key) {
    columns += fmt::format("{}{} AS {}", columns.empty() ? "" : ", ",
                           KeyValue(integration, column.name, column.name),
                           QuoteIdentifier(ArrivesAs(column.name, integration)));
  }
  return columns;
}

std::string ColumnList(const estate::Integration& integration, const data::Schema& source) {
  std::string columns;
  for (const data::Column& column : source) {
    const std::string value = ColumnValue(integration, column.name, column.name);
    const std::string name = QuoteIdentifier(ArrivesAs(column.name, integration));
    columns += columns.empty() ? "" : ", ";
    columns += value == name ? name : value + " AS " + name;
  }
  return columns;
}

std::string MaskExpression(estate::Mask mask, const std::string& name) {
  const std::string text = QuoteIdentifier(name) + "::VARCHAR";
  switch (mask) {
    case estate::Mask::kHash:
      return fmt::format("{}({})", kMaskHashFunction, text);
    case estate::Mask::kRedact:
      return fmt::format("CASE WHEN {} IS NULL THEN NULL ELSE '***' END", QuoteIdentifier(name));
    case estate::Mask::kLast4:
      // A value of four characters or fewer would stand there whole.
      return fmt::format(
          "CASE WHEN length({0}) > 4 THEN '***' || right({0}, 4) "
          "WHEN {0} IS NOT NULL THEN '***' END",
          text);
    case estate::Mask::kNull:
      return "NULL::VARCHAR";
  }
  return "NULL::VARCHAR";
}

std::string ShapingSelect(const estate::Integration& integration, const data::Schema& source,
                          const std::string& lane) {
  const std::string rows = fmt::format("SELECT {} FROM {}", ColumnList(integration, source), lane);
  if (integration.transform.empty()) return rows;
  // Not materialised: rows must stream through, however many there are.
  // In parentheses, because a transform may begin with WITH itself; on lines of
  // its own, because it may end with a comment.
  return fmt::format("WITH batch AS NOT MATERIALIZED ({})\nSELECT * FROM (\n{}\n)", rows,
                     integration.transform);
}

}  // namespace afluente::pipeline
