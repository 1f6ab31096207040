#include "pipeline/shaping.h"

#include <fmt/format.h>

#include "base/names.h"

namespace afluente::pipeline {
namespace {

std::string ColumnExpression(const data::Column& column, const estate::ColumnRule* rule) {
  const std::string name = QuoteIdentifier(column.name);
  if (rule == nullptr) return name;
  const std::string alias = rule->rename.empty() ? name : QuoteIdentifier(rule->rename);
  if (rule->mask) return fmt::format("{} AS {}", MaskExpression(*rule->mask, column.name), alias);
  if (!rule->type.empty()) return fmt::format("CAST({} AS {}) AS {}", name, rule->type, alias);
  return alias == name ? name : name + " AS " + alias;
}

}  // namespace

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
  std::string columns;
  for (const data::Column& column : source) {
    const auto rule = integration.columns.find(column.name);
    columns +=
        (columns.empty() ? "" : ", ") +
        ColumnExpression(column, rule == integration.columns.end() ? nullptr : &rule->second);
  }
  const std::string rows = fmt::format("SELECT {} FROM {}", columns, lane);
  if (integration.transform.empty()) return rows;
  // Not materialised: rows must stream through, however many there are.
  // In parentheses, because a transform may begin with WITH itself; on lines of
  // its own, because it may end with a comment.
  return fmt::format("WITH batch AS NOT MATERIALIZED ({})\nSELECT * FROM (\n{}\n)", rows,
                     integration.transform);
}

}  // namespace afluente::pipeline
