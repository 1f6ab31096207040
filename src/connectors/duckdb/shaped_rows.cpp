#include "connectors/duckdb/shaped_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/names.h"
#include "connectors/duckdb/bad_rows.h"
#include "connectors/duckdb/interrupt.h"
#include "pipeline/shaping.h"

namespace afluente::duck {

namespace {

// DuckDB quotes the value that it cannot convert; a value may hold quotes itself.
std::string WithoutValues(const std::string& message) {
  const std::size_t first = message.find('\'');
  const std::size_t last = message.rfind('\'');
  if (first == last) return message;
  return message.substr(0, first + 1) + "..." + message.substr(last);
}

}  // namespace

std::string ShapedRows::What() const {
  if (integration_.transform.empty()) return "the columns as the estate asks for them";
  return integration_.transform_mark.ToString() + ": transform";
}

Error ShapedRows::Failed(const Error& error) const {
  return {error.kind(), What() + ": " + WithoutValues(error.message())};
}

std::string ShapedRows::Select(const estate::Integration& integration, const std::string& lane,
                               std::uint64_t number) const {
  std::string select = pipeline::ShapingSelect(integration, schema_, lane);
  if (added_) select = fmt::format("SELECT *{} FROM ({})", added_(number), select);
  if (evolution_.projection.empty()) return select;
  return fmt::format("SELECT {} FROM ({})", fmt::join(evolution_.projection, ", "), select);
}

Status ShapedRows::CheckKeyColumns() const {
  std::vector<std::string> names;
  for (const TableColumn& column : columns_) names.push_back(column.name);
  for (const std::string& key : integration_.destination.key) {
    if (std::find(names.begin(), names.end(), key) != names.end()) continue;
    return Error(
        ErrorKind::kNotFound,
        fmt::format("{}: key column \"{}\" is not among the columns that arrive{}",
                    integration_.destination.mark.ToString(), key, DidYouMean(key, names)));
  }
  return Done{};
}

Status ShapedRows::Prepare(const data::Schema& schema, std::uint64_t estimated_rows,
                           const std::vector<TableColumn>& target, bool keeps_rows) {
  schema_ = schema;
  estimated_rows_ = estimated_rows;
  evolution_ = {};
  AFL_ASSIGN(const data::DuckConnection connection, warehouse_.Connect());
  const LaneTable shape(warehouse_.lanes(), nullptr, schema_, 0);
  const auto describe = [&] {
    return DescribeSelect(connection.get(), Select(integration_, shape.sql(), 0)).Within([&] {
      return What();
    });
  };
  AFL_ASSIGN(columns_, describe());
  if (!target.empty()) {
    AFL_ASSIGN(evolution_,
               PlanEvolution(target, columns_, integration_.on_schema_change, keeps_rows));
  }
  if (!evolution_.projection.empty()) {
    AFL_ASSIGN(columns_, describe());
  }
  return CheckKeyColumns();
}

Result<std::uint64_t> ShapedRows::Drain(data::BatchReader& lane, const std::string& before,
                                        const std::string& after,
                                        const std::stop_token& stop) const {
  AFL_ASSIGN(const data::DuckConnection connection, warehouse_.Connect());
  const InterruptOnStop interrupt(connection.get(), stop);
  if (letters_ != nullptr && lane.sql().empty() && pipeline::ShapingCanFail(integration_)) {
    return DrainGoodRows(connection.get(), lane, before, after);
  }
  return DrainInto(connection.get(), lane, before, after);
}

// A connection that goes rolls back.
Result<std::uint64_t> ShapedRows::DrainAnd(data::BatchReader& lane, const std::string& before,
                                           const Also& also, const std::stop_token& stop) const {
  AFL_ASSIGN(const data::DuckConnection connection, warehouse_.Connect());
  const InterruptOnStop interrupt(connection.get(), stop);
  AFL_TRY(data::Execute(connection.get(), "BEGIN"));
  AFL_ASSIGN(const std::uint64_t rows, DrainInto(connection.get(), lane, before, ""));
  AFL_TRY(also(connection.get(), rows));
  AFL_TRY(data::Execute(connection.get(), "COMMIT"));
  return rows;
}

std::string ShapedRows::Shape() const {
  std::string shape = Select(integration_, "lane", 0);
  for (const TableColumn& column : columns_)
    shape += fmt::format("\n{} {}", column.name, column.type);
  return shape;
}

Result<std::uint64_t> ShapedRows::DrainInto(duckdb_connection connection, data::BatchReader& lane,
                                            const std::string& before,
                                            const std::string& after) const {
  const std::string known = lane.sql();
  const LaneTable table(warehouse_.lanes(), &lane, schema_, estimated_rows_);
  auto written = data::Query(
      connection,
      before + Select(integration_, known.empty() ? table.sql() : known, lanes_++) + after);
  if (!written.ok()) {
    if (auto failure = table.failure()) return *std::move(failure);
    return Failed(written.error());
  }
  return static_cast<std::uint64_t>(duckdb_rows_changed(written.value().out()));
}

// A reader cannot be read a second time without the rows that failed.
Result<std::uint64_t> ShapedRows::DrainGoodRows(duckdb_connection connection,
                                                data::BatchReader& lane, const std::string& before,
                                                const std::string& after) const {
  const std::uint64_t number = lanes_++;
  const RowShaping shaping{warehouse_, integration_,
                           [&](const estate::Integration& integration, const std::string& rows) {
                             return Select(integration, rows, number);
                           }};
  CheckedRows rows(shaping, connection, schema_);
  AFL_TRY(rows.Stage(lane, estimated_rows_));
  const std::string statement = before + rows.Select() + after;
  auto written = data::Query(connection, statement);
  if (!written.ok() && written.error().kind() != ErrorKind::kCancelled) {
    const auto bad = rows.FindBad(data::DeadLetters::kMax);
    if (!bad.ok()) return Failed(bad.error());
    AFL_ASSIGN(auto letters, rows.TakeOut(bad.value()));
    for (data::DeadLetter& letter : letters) AFL_TRY(letters_->Add(std::move(letter)));
    if (!letters.empty()) written = data::Query(connection, statement);
  }
  if (!written.ok()) return Failed(written.error());
  return static_cast<std::uint64_t>(duckdb_rows_changed(written.value().out()));
}

}  // namespace afluente::duck
