#include "connectors/duckdb/row_text.h"

#include <fmt/format.h>

#include "base/names.h"
#include "data/logical_type.h"

namespace afluente::duck {
namespace {

using data::Kind;

std::string WithLength(const std::string& text) {
  return fmt::format("(strlen({0})::VARCHAR || ':' || {0})", text);
}

// NULL is "N;": no number, time or hex text is.
// NOLINTNEXTLINE(misc-no-recursion): a list's element is a value.
std::string ValueText(const std::string& type, const std::string& x, int depth) {
  if (type.ends_with("[]")) {
    // Counted, so that where a list ends is known.
    const std::string element = fmt::format("e{}", depth);
    return fmt::format(
        "coalesce('[' || len({0})::VARCHAR || ':' || array_to_string(list_transform({0}, lambda "
        "{1}: {2}), ''), 'N;')",
        x, element, ValueText(type.substr(0, type.size() - 2), element, depth + 1));
  }
  const auto logical = data::LogicalType::FromDuckdbName(type);
  const Kind kind = logical ? logical->kind : Kind::kText;
  switch (kind) {
    case Kind::kText:
      return fmt::format("coalesce({}, 'N;')", WithLength(x + "::VARCHAR"));
    case Kind::kJson:
      return fmt::format("coalesce({}, 'N;')", WithLength(x + "::VARCHAR"));
    case Kind::kBytes:
      return fmt::format("coalesce(hex({}), 'N') || ';'", x);
    case Kind::kDate:
    case Kind::kTimestamp:
    case Kind::kTimestampTz:
      // Microseconds are quicker to print than calendars, and know no time zone.
      return fmt::format(
          "coalesce(CASE WHEN isinf({0}) THEN {0}::VARCHAR ELSE epoch_us({0})::VARCHAR END, 'N') "
          "|| ';'",
          x);
    case Kind::kBool:
    case Kind::kInt16:
    case Kind::kInt32:
    case Kind::kInt64:
    case Kind::kUint32:
    case Kind::kFloat32:
    case Kind::kFloat64:
    case Kind::kDecimal:
    case Kind::kUuid:
    case Kind::kTime:
    case Kind::kTimeTz:
    case Kind::kInterval:
    case Kind::kList:
      break;
  }
  return fmt::format("coalesce({}::VARCHAR, 'N') || ';'", x);
}

}  // namespace

std::string RowText(const std::vector<TableColumn>& columns) {
  std::string text;
  for (const TableColumn& column : columns) {
    if (!text.empty()) text += " || ";
    text += ValueText(column.type, QuoteIdentifier(column.name), 0);
  }
  return text;
}

}  // namespace afluente::duck
