#include "connectors/bigquery/publish_sql.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace afluente::bigquery {
namespace {

std::string SelectFrom(const estate::TableAddress& stage, const std::vector<ColumnForm>& columns) {
  std::vector<std::string> values;
  for (const ColumnForm& column : columns) {
    values.push_back(column.from_stage + " AS " + Quoted(column.name));
  }
  return fmt::format("SELECT {} FROM {}", fmt::join(values, ", "), Quoted(stage.ToString()));
}

std::string Merge(const std::string& target, const std::string& rows,
                  const std::vector<std::string>& names, const std::vector<std::string>& key) {
  std::vector<std::string> same;
  std::vector<std::string> sets;
  std::vector<std::string> values;
  for (const std::string& column : key)
    same.push_back(fmt::format("t.{0} = s.{0}", Quoted(column)));
  for (const std::string& name : names) {
    values.push_back("s." + name);
    const bool is_key = std::any_of(key.begin(), key.end(),
                                    [&](const auto& column) { return Quoted(column) == name; });
    if (!is_key) sets.push_back(fmt::format("{0} = s.{0}", name));
  }
  const std::string update =
      sets.empty() ? "" : fmt::format(" WHEN MATCHED THEN UPDATE SET {}", fmt::join(sets, ", "));
  return fmt::format(
      "MERGE INTO {} AS t USING ({}) AS s ON {}{} WHEN NOT MATCHED THEN INSERT ({}) VALUES ({});\n",
      target, rows, fmt::join(same, " AND "), update, fmt::join(names, ", "),
      fmt::join(values, ", "));
}

}  // namespace

std::string PublishSql(Publish how, const estate::TableAddress& target,
                       const estate::TableAddress& stage, const std::vector<ColumnForm>& columns,
                       const std::vector<std::string>& key) {
  const std::string table = Quoted(target.ToString());
  const std::string rows = SelectFrom(stage, columns);
  std::vector<std::string> names;
  for (const ColumnForm& column : columns) names.push_back(Quoted(column.name));
  if (how == Publish::kMerge) return Merge(table, rows, names, key);
  const std::string insert =
      fmt::format("INSERT INTO {} ({}) {};\n", table, fmt::join(names, ", "), rows);
  // All of a table's rows cost nothing to delete, as to truncate.
  return how == Publish::kInsert ? insert
                                 : fmt::format("DELETE FROM {} WHERE TRUE;\n{}", table, insert);
}

}  // namespace afluente::bigquery
