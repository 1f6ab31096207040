#include "connectors/duckdb/row_text.h"

#include <fmt/format.h>

#include "base/names.h"
#include "data/logical_type.h"

namespace afluente::duck {
namespace {

using data::Kind;

// Arguments of concat(), which leaves NULL out: of no value only the mark stays,
// and no value prints as nothing.
// NOLINTNEXTLINE(misc-no-recursion): a list's element is a value.
std::string ValueText(const std::string& type, const std::string& x, int depth) {
  if (type.ends_with("[]")) {
    // Counted, so that where a list ends is known.
    const std::string element = fmt::format("e{}", depth);
    return fmt::format(
        "len({0}), ':', array_to_string(list_transform({0}, lambda {1}: concat({2})), '')", x,
        element, ValueText(type.substr(0, type.size() - 2), element, depth + 1));
  }
  const auto logical = data::LogicalType::FromDuckdbName(type);
  const Kind kind = logical ? logical->kind : Kind::kText;
  switch (kind) {
    case Kind::kText:
    case Kind::kJson:
      return fmt::format("strlen({0}::VARCHAR), ':', {0}::VARCHAR", x);
    case Kind::kBytes:
      return fmt::format("octet_length({0}), ':', hex({0})", x);
    case Kind::kTimestamp:
    case Kind::kTimestampTz:
      // Microseconds are quicker to print than calendars, and know no time zone;
      // of the infinities there are none.
      return fmt::format("coalesce(epoch_us({0})::VARCHAR, {0}::VARCHAR), ';'", x);
    case Kind::kBool:
    case Kind::kInt16:
    case Kind::kInt32:
    case Kind::kInt64:
    case Kind::kUint32:
    case Kind::kFloat32:
    case Kind::kFloat64:
    case Kind::kDecimal:
    case Kind::kUuid:
    case Kind::kDate:
    case Kind::kTime:
    case Kind::kTimeTz:
    case Kind::kInterval:
    case Kind::kList:
      break;
  }
  return x + ", ';'";
}

}  // namespace

std::string RowText(const std::string& prefix, const std::vector<TableColumn>& columns) {
  std::string text = "concat(" + QuoteLiteral(prefix);
  for (const TableColumn& column : columns) {
    text += ", " + ValueText(column.type, QuoteIdentifier(column.name), 0);
  }
  return text + ")";
}

}  // namespace afluente::duck
