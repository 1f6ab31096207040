#include "connectors/duckdb/bad_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/names.h"
#include "connectors/duckdb/lane_function.h"
#include "pipeline/shaping.h"

namespace afluente::duck {
namespace {

constexpr const char* kChecked = "temp._afluente_checked";
constexpr const char* kNumber = "_afluente_number";

// SELECT list over a lane: masked columns under their own names.
std::string MaskedColumns(const RowShaping& shaping, const data::Schema& schema) {
  estate::Integration masked = shaping.integration;
  for (auto& [name, rule] : masked.columns) {
    rule.rename.clear();
    rule.type.clear();
  }
  return pipeline::ColumnList(masked, schema);
}

// "kNumber IN (1, 2)"
std::string NumberIsOf(const std::map<std::size_t, std::string>& rows) {
  std::string numbers;
  for (const auto& [number, reason] : rows) {
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(number);
  }
  return fmt::format("{} IN ({})", kNumber, numbers);
}

}  // namespace

CheckedRows::CheckedRows(const RowShaping& shaping, duckdb_connection connection,
                         const data::Schema& schema)
    : shaping_(shaping), connection_(connection), schema_(schema), rest_(shaping.integration) {
  for (auto& [name, rule] : rest_.columns) rule.mask.reset();
}

Status CheckedRows::Stage(data::BatchReader& reader, std::size_t rows) {
  const LaneTable lane(shaping_.warehouse.lanes(), &reader, schema_, rows);
  const auto staged = data::Query(
      connection_, fmt::format("CREATE OR REPLACE TEMP TABLE _afluente_checked AS SELECT {}, "
                               "row_number() OVER () - 1 AS {} FROM {}",
                               MaskedColumns(shaping_, schema_), kNumber, lane.sql()));
  if (staged.ok()) return Done{};
  if (auto failure = lane.failure()) return *std::move(failure);
  return staged.error();
}

std::string CheckedRows::Select() const {
  return shaping_.select(rest_, fmt::format("(SELECT * EXCLUDE ({}) FROM {})", kNumber, kChecked));
}

std::string CheckedRows::SelectBetween(std::size_t first, std::size_t end) const {
  return shaping_.select(
      rest_, fmt::format("(SELECT * EXCLUDE ({0}) FROM {1} WHERE {0} >= {2} AND {0} < {3})",
                         kNumber, kChecked, first, end));
}

// Every value is made, and none of them is kept.
Status CheckedRows::Try(const std::string& select) const {
  AFL_TRY(
      data::Query(connection_, fmt::format("SELECT bit_xor(hash(r)) FROM (\n{}\n) AS r", select)));
  return Done{};
}

Result<std::map<std::size_t, std::string>> CheckedRows::FindBad(std::size_t max) const {
  AFL_TRY(Try(SelectBetween(0, 0)));  // No row's fault.
  AFL_ASSIGN(const auto last,
             data::QueryCells(connection_, fmt::format("SELECT coalesce(max({}) + 1, 0) FROM {}",
                                                       kNumber, kChecked)));
  Found found;
  AFL_TRY(Search(0, std::stoull(last.front().front().text), max, found));
  return found;
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as the logarithm of the rows.
Status CheckedRows::Search(std::size_t first, std::size_t end, std::size_t max,
                           Found& found) const {
  if (first == end || found.size() > max) return Done{};
  const Status checked = Try(SelectBetween(first, end));
  if (checked.ok()) return Done{};
  if (checked.error().kind() == ErrorKind::kCancelled) return checked;
  if (end - first == 1) {
    found[first] = Why(first, checked.error());
    return Done{};
  }
  const std::size_t middle = first + (end - first) / 2;
  AFL_TRY(Search(first, middle, max, found));
  return Search(middle, end, max, found);
}

std::string CheckedRows::Why(std::size_t row, const Error& error) const {
  for (const data::Column& column : schema_) {
    const Status cast = Try(fmt::format("SELECT {} AS v FROM {} WHERE {} = {}",
                                        pipeline::ColumnValue(rest_, column.name, column.name),
                                        kChecked, kNumber, row));
    if (cast.ok()) continue;
    return fmt::format("column \"{}\": {}", column.name, cast.error().message());
  }
  const bool transforms = !rest_.transform.empty();
  return (transforms ? rest_.transform_mark.ToString() + ": transform: " : "") + error.message();
}

// "id=42", of what is not masked.
std::string CheckedRows::KeyText() const {
  std::string text;
  for (const std::string& key : rest_.destination.key) {
    const std::string column = pipeline::ComesFrom(key, rest_);
    const bool is_read = std::any_of(schema_.begin(), schema_.end(),
                                     [&](const data::Column& read) { return read.name == column; });
    if (!is_read || shaping_.integration.MaskedColumns().contains(column)) continue;
    text += fmt::format("{}{} || coalesce({}::VARCHAR, 'NULL')", text.empty() ? "" : " || ",
                        QuoteLiteral((text.empty() ? "" : ", ") + column + "="),
                        QuoteIdentifier(column));
  }
  return text.empty() ? "''" : text;
}

std::string CheckedRows::RowText() const {
  const auto masked = shaping_.integration.MaskedColumns();
  std::string members;
  for (const data::Column& column : schema_) {
    const std::string name = QuoteIdentifier(column.name);
    members += fmt::format("{}{}, {}", members.empty() ? "" : ", ", QuoteLiteral(column.name),
                           masked.contains(column.name)
                               ? fmt::format("CASE WHEN {} IS NOT NULL THEN '***' END", name)
                               : name + "::VARCHAR");
  }
  return fmt::format("json_object({})::VARCHAR", members);
}

Result<std::vector<data::DeadLetter>> CheckedRows::TakeOut(
    const std::map<std::size_t, std::string>& bad) {
  std::vector<data::DeadLetter> letters;
  if (bad.empty()) return letters;
  AFL_ASSIGN(
      const auto rows,
      data::QueryCells(connection_,
                       fmt::format("SELECT {0}, {1}, {2} FROM {3} WHERE {4} ORDER BY {0}", kNumber,
                                   KeyText(), RowText(), kChecked, NumberIsOf(bad))));
  for (const auto& row : rows) {
    letters.push_back({row[1].text, bad.at(std::stoull(row[0].text)), row[2].text});
  }
  AFL_TRY(data::Execute(connection_,
                        fmt::format("DELETE FROM {} WHERE {}", kChecked, NumberIsOf(bad))));
  return letters;
}

Result<bool> AreRowsGood(const RowShaping& shaping, data::BatchReader& reader,
                         const data::Schema& schema, std::size_t rows) {
  AFL_ASSIGN(const data::DuckConnection connection, shaping.warehouse.Connect());
  const LaneTable lane(shaping.warehouse.lanes(), &reader, schema, rows);
  const auto done = data::Query(connection.get(), shaping.select(shaping.integration, lane.sql()));
  if (done.ok()) return true;
  if (auto failure = lane.failure()) return *std::move(failure);
  return false;
}

Result<std::map<std::size_t, std::string>> FindBadRows(const RowShaping& shaping,
                                                       data::BatchReader& reader,
                                                       const data::Schema& schema, std::size_t rows,
                                                       std::size_t max) {
  AFL_ASSIGN(const data::DuckConnection connection, shaping.warehouse.Connect());
  CheckedRows checked(shaping, connection.get(), schema);
  AFL_TRY(checked.Stage(reader, rows));
  return checked.FindBad(max);
}

}  // namespace afluente::duck
