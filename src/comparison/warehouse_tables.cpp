#include "comparison/warehouse_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/names.h"
#include "connectors/duckdb/evolution.h"
#include "connectors/duckdb/warehouse.h"

namespace afluente::comparison {
namespace {

using estate::TableAddress;

Result<std::vector<duck::TableColumn>> ColumnsOf(duckdb_connection connection,
                                                 const TableAddress& table) {
  AFL_ASSIGN(auto columns, duck::ReadColumns(connection, table));
  if (!columns.empty()) return columns;
  return Error(ErrorKind::kNotFound,
               fmt::format("the warehouse has no table {} yet", table.ToString()));
}

// What both have; the rest is told, and counted where readers would miss it.
Status PairColumns(duckdb_connection connection, const TableAddress& there,
                   const TableAddress& here, Reconciliation& result) {
  AFL_ASSIGN(const auto old_columns, ColumnsOf(connection, there));
  AFL_ASSIGN(const auto new_columns, ColumnsOf(connection, here));
  const auto find = [](const std::vector<duck::TableColumn>& columns, const std::string& name) {
    return std::find_if(columns.begin(), columns.end(),
                        [&](const duck::TableColumn& one) { return one.name == name; });
  };
  for (const duck::TableColumn& column : old_columns) {
    const auto pair = find(new_columns, column.name);
    if (pair == new_columns.end()) {
      ++result.differences;
      result.columns.push_back(
          {column.name, Comparison::kNone, "only in " + there.ToString(), "", ""});
      result.notes.push_back(
          fmt::format("column {} is missing in {}", column.name, here.ToString()));
      continue;
    }
    const bool same = pair->type == column.type;
    const std::string as_text = same ? "" : "::VARCHAR";
    const std::string name = QuoteIdentifier(column.name);
    result.columns.push_back(
        {column.name, Comparison::kValue, "", "o." + name + as_text, "n." + name + as_text});
    if (!same) {
      result.notes.push_back(fmt::format("column {} is {} in {} and {} in {}: compared as text",
                                         column.name, column.type, there.ToString(), pair->type,
                                         here.ToString()));
    }
  }
  for (const duck::TableColumn& column : new_columns) {
    if (find(old_columns, column.name) != old_columns.end()) continue;
    result.columns.push_back(
        {column.name, Comparison::kNone, "only in " + here.ToString(), "", ""});
    result.notes.push_back(fmt::format("column {} is only in {}", column.name, here.ToString()));
  }
  return Done{};
}

Result<std::uint64_t> Number(duckdb_connection connection, const std::string& sql) {
  AFL_ASSIGN(const auto rows, data::QueryCells(connection, sql));
  return std::stoull(rows.at(0).at(0).text);
}

std::vector<const ComparedColumn*> Compared(const Reconciliation& result) {
  std::vector<const ComparedColumn*> compared;
  for (const ComparedColumn& column : result.columns) {
    if (column.comparison == Comparison::kValue) compared.push_back(&column);
  }
  return compared;
}

// A key that can tell rows apart, or none.
Status CheckKey(duckdb_connection connection, const std::string& old_sql,
                const std::string& new_sql, Reconciliation& result) {
  const auto compared = Compared(result);
  for (const std::string& name : result.key) {
    const bool known = std::any_of(compared.begin(), compared.end(),
                                   [&](const auto* column) { return column->name == name; });
    if (known) continue;
    result.notes.push_back(fmt::format("key column {} is not in both tables", name));
    result.key.clear();
    return Done{};
  }
  if (result.key.empty()) return Done{};
  std::vector<std::string> quoted;
  for (const std::string& name : result.key) quoted.push_back(QuoteIdentifier(name));
  for (const std::string& table : {old_sql, new_sql}) {
    AFL_ASSIGN(const std::uint64_t doubles,
               Number(connection, fmt::format("SELECT count(*) FROM (SELECT 1 FROM {} GROUP BY {} "
                                              "HAVING count(*) > 1)",
                                              table, fmt::join(quoted, ", "))));
    if (doubles == 0) continue;
    result.notes.push_back(fmt::format("{} keys stand more than once in {}", doubles, table));
    result.key.clear();
    return Done{};
  }
  return Done{};
}

Status CompareByKey(duckdb_connection connection, const std::string& old_sql,
                    const std::string& new_sql, Reconciliation& result) {
  std::vector<std::string> keys;
  std::vector<std::string> joins;
  std::vector<std::string> differing;
  std::vector<std::string> names;
  for (const ComparedColumn* column : Compared(result)) {
    const std::string differ = column->source_sql + " IS DISTINCT FROM " + column->destination_sql;
    differing.push_back(differ);
    names.push_back(fmt::format("CASE WHEN {} THEN {} END", differ, QuoteLiteral(column->name)));
  }
  for (const std::string& name : result.key) {
    const std::string quoted = QuoteIdentifier(name);
    keys.push_back(fmt::format("coalesce(o.{0}::VARCHAR, n.{0}::VARCHAR, 'NULL')", quoted));
    joins.push_back(fmt::format("o.{0} IS NOT DISTINCT FROM n.{0}", quoted));
  }
  AFL_ASSIGN(
      const auto rows,
      data::QueryCells(
          connection,
          fmt::format(
              "SELECT count(*) OVER (), CASE WHEN n._afl_here IS NULL THEN 'missing' WHEN "
              "o._afl_here IS NULL THEN 'extra' ELSE 'different' END, "
              "array_to_string(list_filter([{}], lambda x: x IS NOT NULL), chr(9)), {} FROM "
              "(SELECT *, true AS _afl_here FROM {}) AS o FULL OUTER JOIN "
              "(SELECT *, true AS _afl_here FROM {}) AS n ON {} WHERE o._afl_here IS NULL OR "
              "n._afl_here IS NULL OR {} ORDER BY 4 LIMIT {}",
              fmt::join(names, ", "), fmt::join(keys, ", "), old_sql, new_sql,
              fmt::join(joins, " AND "), fmt::join(differing, " OR "), kSampleMax)));
  if (rows.empty()) return Done{};
  result.differences += std::stoull(rows.front()[0].text);
  for (const auto& row : rows) {
    Difference difference;
    difference.kind = row[1].text == "missing" ? DifferenceKind::kMissing
                      : row[1].text == "extra" ? DifferenceKind::kExtra
                                               : DifferenceKind::kDifferent;
    for (std::size_t i = 3; i < row.size(); ++i) difference.key.push_back(row[i].text);
    std::string names_of_row =
        difference.kind == DifferenceKind::kDifferent ? row[2].text : std::string();
    for (std::size_t end = 0; !names_of_row.empty(); names_of_row.erase(0, end + 1)) {
      end = std::min(names_of_row.find('\t'), names_of_row.size());
      difference.columns.push_back(names_of_row.substr(0, end));
    }
    result.sample.push_back(std::move(difference));
  }
  return Done{};
}

Status CompareAsBags(duckdb_connection connection, const std::string& old_sql,
                     const std::string& new_sql, Reconciliation& result) {
  std::vector<std::string> old_columns;
  std::vector<std::string> new_columns;
  for (const ComparedColumn* column : Compared(result)) {
    old_columns.push_back(column->source_sql);
    new_columns.push_back(column->destination_sql);
  }
  const std::string old_rows =
      fmt::format("SELECT {} FROM {} AS o", fmt::join(old_columns, ", "), old_sql);
  const std::string new_rows =
      fmt::format("SELECT {} FROM {} AS n", fmt::join(new_columns, ", "), new_sql);
  constexpr const char* kCount = "SELECT count(*) FROM (({}) EXCEPT ALL ({}))";
  AFL_ASSIGN(const std::uint64_t missing,
             Number(connection, fmt::format(fmt::runtime(kCount), old_rows, new_rows)));
  AFL_ASSIGN(const std::uint64_t extra,
             Number(connection, fmt::format(fmt::runtime(kCount), new_rows, old_rows)));
  if (missing + extra == 0) return Done{};
  result.differences += std::max(missing, extra);
  result.notes.push_back(
      fmt::format("without a key the rows that differ have no name: {} only there, {} only here",
                  missing, extra));
  return Done{};
}

}  // namespace

Result<Reconciliation> CompareTables(duckdb_connection connection, const TableAddress& there,
                                     const TableAddress& here,
                                     const std::vector<std::string>& key) {
  Reconciliation result;
  result.key = key;
  const std::string old_sql = duck::SqlName(there);
  const std::string new_sql = duck::SqlName(here);
  AFL_TRY(PairColumns(connection, there, here, result));
  AFL_ASSIGN(result.source_rows, Number(connection, "SELECT count(*) FROM " + old_sql));
  AFL_ASSIGN(result.destination_rows, Number(connection, "SELECT count(*) FROM " + new_sql));
  if (Compared(result).empty()) {
    result.differences = std::max<std::uint64_t>(result.differences, 1);
    result.notes.emplace_back("the tables have no column in common");
    return result;
  }
  AFL_TRY(CheckKey(connection, old_sql, new_sql, result));
  if (result.key.empty()) {
    AFL_TRY(CompareAsBags(connection, old_sql, new_sql, result));
  } else {
    AFL_TRY(CompareByKey(connection, old_sql, new_sql, result));
  }
  return result;
}

}  // namespace afluente::comparison
