#include "connectors/duckdb/bad_rows.h"

#include <fmt/format.h>

#include "base/names.h"
#include "connectors/duckdb/lane_function.h"
#include "pipeline/shaping.h"

namespace afluente::duck {
namespace {

constexpr const char* kChecked = "temp._afluente_checked";
constexpr const char* kNumber = "_afluente_number";

// Halves a range of the rows that stand in kChecked.
class Halving {
 public:
  Halving(const RowShaping& shaping, duckdb_connection connection, const data::Schema& schema,
          std::size_t max)
      : shaping_(shaping), connection_(connection), schema_(schema), max_(max) {
    // Masks have been applied by then, and nothing else.
    rest_ = shaping.integration;
    for (auto& [name, rule] : rest_.columns) rule.mask.reset();
  }

  Result<std::map<std::size_t, std::string>> Find(std::size_t rows) {
    AFL_TRY(Run(shaping_.select(rest_, Between(0, 0))));  // No row's fault.
    Search(0, rows);
    return std::move(found_);
  }

 private:
  static std::string Between(std::size_t first, std::size_t end) {
    return fmt::format("(SELECT * EXCLUDE ({0}) FROM {1} WHERE {0} >= {2} AND {0} < {3})", kNumber,
                       kChecked, first, end);
  }

  Status Run(const std::string& select) {
    AFL_TRY(data::Query(connection_, select));
    return Done{};
  }

  // NOLINTNEXTLINE(misc-no-recursion): as deep as the logarithm of the rows.
  void Search(std::size_t first, std::size_t end) {
    if (first == end || found_.size() > max_) return;
    const Status checked = Run(shaping_.select(rest_, Between(first, end)));
    if (checked.ok()) return;
    if (end - first == 1) {
      found_[first] = Why(first, checked.error());
      return;
    }
    const std::size_t middle = first + (end - first) / 2;
    Search(first, middle);
    Search(middle, end);
  }

  std::string Why(std::size_t row, const Error& error) {
    for (const data::Column& column : schema_) {
      const std::string value = pipeline::ColumnValue(rest_, column.name, column.name);
      const Status cast = Run(fmt::format("SELECT {} FROM {} AS r", value, Between(row, row + 1)));
      if (cast.ok()) continue;
      return fmt::format("column \"{}\": {}", column.name, cast.error().message());
    }
    const bool transforms = !shaping_.integration.transform.empty();
    return (transforms ? shaping_.integration.transform_mark.ToString() + ": transform: " : "") +
           error.message();
  }

  const RowShaping& shaping_;
  const duckdb_connection connection_;
  const data::Schema& schema_;
  const std::size_t max_;
  estate::Integration rest_;
  std::map<std::size_t, std::string> found_;
};

// SELECT list over a lane: masked columns under their own names.
std::string MaskedColumns(const RowShaping& shaping, const data::Schema& schema) {
  estate::Integration masked = shaping.integration;
  for (auto& [name, rule] : masked.columns) {
    rule.rename.clear();
    rule.type.clear();
  }
  return pipeline::ColumnList(masked, schema);
}

}  // namespace

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
  {
    const LaneTable lane(shaping.warehouse.lanes(), &reader, schema, rows);
    const auto staged = data::Query(
        connection.get(),
        fmt::format("CREATE TEMP TABLE _afluente_checked AS SELECT {}, row_number() OVER () - 1 AS "
                    "{} FROM {}",
                    MaskedColumns(shaping, schema), kNumber, lane.sql()));
    if (!staged.ok()) {
      if (auto failure = lane.failure()) return *std::move(failure);
      return staged.error();
    }
  }
  AFL_ASSIGN(const auto count,
             data::QueryCells(connection.get(), fmt::format("SELECT count(*) FROM {}", kChecked)));
  Halving halving(shaping, connection.get(), schema, max);
  return halving.Find(std::stoull(count.front().front().text));
}

}  // namespace afluente::duck
