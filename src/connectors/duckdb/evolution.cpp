#include "connectors/duckdb/evolution.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <optional>

#include "base/names.h"

namespace afluente::duck {
namespace {

// DuckDB's names differ by more than case or not at all.
bool SameName(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

const TableColumn* Find(const std::vector<TableColumn>& columns, const std::string& name) {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const TableColumn& column) {
    return SameName(column.name, name);
  });
  return found == columns.end() ? nullptr : &*found;
}

struct Decimal {
  int precision = 0;
  int scale = 0;
};

// Integers count as decimals without a fraction.
std::optional<Decimal> AsDecimal(const std::string& type) {
  constexpr std::array<std::pair<const char*, int>, 5> kIntegers = {
      {{"TINYINT", 3}, {"SMALLINT", 5}, {"INTEGER", 10}, {"UINTEGER", 10}, {"BIGINT", 19}}};
  for (const auto& [name, digits] : kIntegers) {
    if (type == name) return Decimal{digits, 0};
  }
  Decimal decimal;
  int end = 0;  // Behind the type; a list goes on with "[]".
  const int read =
      std::sscanf(type.c_str(), "DECIMAL(%d,%d)%n", &decimal.precision, &decimal.scale, &end);
  if (read != 2 || static_cast<std::size_t>(end) != type.size()) return std::nullopt;
  return decimal;
}

bool IsInteger(const std::string& type) { return AsDecimal(type) && !type.starts_with("DECIMAL"); }

// DuckDB's casts round: 1.5 to 2, a time to its day. Here that would be a value
// changed in silence, so it must come back the same.
std::string ExactCast(const std::string& name, const std::string& from, const std::string& to) {
  const std::string cast = fmt::format("CAST({} AS {})", name, to);
  if (from == to) return cast;
  return fmt::format(
      "CASE WHEN CAST({0} AS {1}) IS NOT DISTINCT FROM {2} THEN {0} ELSE error({3}) END", cast,
      from, name,
      QuoteLiteral(fmt::format("column {} arrives as {} with values that {} cannot hold; widen "
                               "it with on_schema_change: evolve, or run with --full-refresh",
                               name, from, to)));
}

Error PolicyIsFail(const std::vector<std::string>& changes) {
  return {ErrorKind::kSchemaMismatch,
          fmt::format("the source changed its shape and on_schema_change is fail: {}",
                      fmt::join(changes, "; "))};
}

Status CheckNames(const std::vector<TableColumn>& arriving) {
  for (std::size_t i = 0; i < arriving.size(); ++i) {
    for (std::size_t j = i + 1; j < arriving.size(); ++j) {
      if (!SameName(arriving[i].name, arriving[j].name)) continue;
      return Error(ErrorKind::kSchemaMismatch,
                   fmt::format("columns \"{}\" and \"{}\" differ at most by case, which the "
                               "warehouse does not tell apart; rename one under `columns:`",
                               arriving[i].name, arriving[j].name));
    }
  }
  return Done{};
}

}  // namespace

Result<std::vector<TableColumn>> ReadColumns(duckdb_connection connection,
                                             const estate::TableAddress& address) {
  AFL_ASSIGN(
      const auto rows,
      data::QueryCells(connection,
                       fmt::format("SELECT column_name, data_type FROM duckdb_columns() "
                                   "WHERE database_name = {} AND schema_name = {} "
                                   "AND table_name = {} ORDER BY column_index",
                                   QuoteLiteral(address.project), QuoteLiteral(address.dataset),
                                   QuoteLiteral(address.table))));
  std::vector<TableColumn> columns;
  for (const auto& row : rows) columns.push_back({row[0].text, row[1].text});
  return columns;
}

Result<std::vector<TableColumn>> DescribeSelect(duckdb_connection connection,
                                                const std::string& select) {
  AFL_ASSIGN(const auto rows, data::QueryCells(connection, "DESCRIBE " + select));
  std::vector<TableColumn> columns;
  for (const auto& row : rows) columns.push_back({row[0].text, row[1].text});
  AFL_TRY(CheckNames(columns));
  return columns;
}

bool IsWidening(const std::string& from, const std::string& to) {
  if (from == to || to == "VARCHAR") return true;
  if (from.ends_with("[]") && to.ends_with("[]")) {
    return IsWidening(from.substr(0, from.size() - 2), to.substr(0, to.size() - 2));
  }
  if (from == "FLOAT") return to == "DOUBLE";
  if (from == "DATE") return to == "TIMESTAMP";
  if (to == "DOUBLE") return from == "INTEGER" || from == "SMALLINT";
  if (to == "UINTEGER" || from == "UINTEGER") return from == "UINTEGER" && to == "BIGINT";
  const auto narrow = AsDecimal(from);
  const auto wide = AsDecimal(to);
  if (!narrow || !wide || (IsInteger(to) && !IsInteger(from))) return false;
  return wide->scale >= narrow->scale &&
         wide->precision - wide->scale >= narrow->precision - narrow->scale;
}

Result<Evolution> PlanEvolution(const std::vector<TableColumn>& table,
                                const std::vector<TableColumn>& arriving,
                                estate::OnSchemaChange policy, bool keeps_rows) {
  Evolution plan;
  for (const TableColumn& column : arriving) {
    const TableColumn* existing = Find(table, column.name);
    const std::string name = QuoteIdentifier(column.name);
    if (existing == nullptr) {
      plan.changes.push_back(fmt::format("column {}: added ({})", column.name, column.type));
      plan.alterations.push_back(fmt::format("ADD COLUMN {} {}", name, column.type));
    } else if (existing->type != column.type) {
      const bool narrower = keeps_rows && IsWidening(column.type, existing->type);
      if (narrower && existing->type != "VARCHAR") continue;
      plan.changes.push_back(
          fmt::format("column {}: {} becomes {}", column.name, existing->type, column.type));
      if (keeps_rows && policy == estate::OnSchemaChange::kEvolve &&
          !IsWidening(existing->type, column.type)) {
        return Error(
            ErrorKind::kSchemaMismatch,
            fmt::format("column {} is {} in the destination and arrives as {}, which "
                        "cannot hold every old value; run with --full-refresh, or keep "
                        "the old form with `columns: {{ {}: {{ type: {} }} }}`",
                        column.name, existing->type, column.type, column.name, existing->type));
      }
      plan.alterations.push_back(fmt::format("ALTER COLUMN {} TYPE {}", name, column.type));
    }
  }
  for (const TableColumn& column : table) {
    if (Find(arriving, column.name) == nullptr) {
      plan.changes.push_back(fmt::format("column {}: gone from the source{}", column.name,
                                         keeps_rows ? ", its history stays" : ""));
    }
  }
  if (policy == estate::OnSchemaChange::kFail && !plan.changes.empty()) {
    return PolicyIsFail(plan.changes);
  }
  if (policy == estate::OnSchemaChange::kIgnore && !plan.changes.empty()) {
    plan.alterations.clear();
    for (const TableColumn& column : table) {
      const std::string name = QuoteIdentifier(column.name);
      const TableColumn* found = Find(arriving, column.name);
      const std::string value =
          found == nullptr ? fmt::format("CAST(NULL AS {})", column.type)
                           : ExactCast(QuoteIdentifier(found->name), found->type, column.type);
      plan.projection.push_back(value + " AS " + name);
    }
    for (std::string& change : plan.changes) change += " (ignored)";
  }
  return plan;
}

}  // namespace afluente::duck
