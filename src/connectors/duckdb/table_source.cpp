#include "connectors/duckdb/table_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "base/names.h"
#include "connectors/duckdb/evolution.h"
#include "pipeline/shaping.h"

namespace afluente::duck {
namespace {

// Only here, so that readers which must go through Next never meet it.
class SqlReader final : public data::BatchReader {
 public:
  explicit SqlReader(std::string sql) : sql_(std::move(sql)) {}
  Result<std::size_t> Next(data::Batch& batch) override {
    (void)batch;
    return Error(ErrorKind::kInternal, "a warehouse table is read by its SQL");
  }
  std::string sql() const override { return sql_; }

 private:
  std::string sql_;
};

class TableSource final : public pipeline::Source {
 public:
  /// One SQL expression a lane.
  TableSource(std::vector<std::string> sql, data::Schema schema, std::uint64_t rows,
              pipeline::Progress& progress)
      : sql_(std::move(sql)), schema_(std::move(schema)), rows_(rows), progress_(progress) {}

  const data::Schema& schema() const override { return schema_; }
  int lanes() const override { return static_cast<int>(sql_.size()); }
  std::uint64_t estimated_rows() const override { return rows_; }
  data::Position end() const override { return {"snapshot", "{}"}; }
  std::vector<data::DeadLetter> dead_letters() const override { return {}; }
  Result<std::unique_ptr<data::BatchReader>> OpenLane(const std::stop_token& stop) override {
    (void)stop;  // Whoever runs the SQL is interrupted.
    const std::size_t lane = next_++;
    if (lane == 0) progress_.rows += rows_;
    return std::unique_ptr<data::BatchReader>(std::make_unique<SqlReader>(sql_.at(lane)));
  }

 private:
  const std::vector<std::string> sql_;
  std::atomic<std::size_t> next_{0};
  const data::Schema schema_;
  const std::uint64_t rows_;
  pipeline::Progress& progress_;
};

// How a column is read: its type as it travels, and the expression that makes it.
struct Travels {
  data::LogicalType type;
  std::string expression;
};

std::string ExactMicroseconds(const std::string& name) {
  return fmt::format(
      "CASE WHEN {0}::TIMESTAMP::TIMESTAMP_NS IS NOT DISTINCT FROM {0} THEN {0}::TIMESTAMP ELSE "
      "error({1}) END",
      name,
      QuoteLiteral("column " + name +
                   " holds nanoseconds, which do not travel; cast it to TIMESTAMP in the table"));
}

Travels HowItTravels(const TableColumn& column) {
  struct Row {
    std::string_view from;
    std::string_view to;
  };
  // What holds every value of a type that does not travel itself.
  constexpr std::array kWider = {
      Row{"TINYINT", "SMALLINT"},       Row{"UTINYINT", "SMALLINT"},
      Row{"USMALLINT", "INTEGER"},      Row{"UBIGINT", "DECIMAL(20,0)"},
      Row{"TIMESTAMP_S", "TIMESTAMP"},  Row{"TIMESTAMP_MS", "TIMESTAMP"},
      Row{"TIMESTAMP_NS", "TIMESTAMP"}, Row{"HUGEINT", "VARCHAR"},
      Row{"UHUGEINT", "VARCHAR"},       Row{"BIT", "VARCHAR"},
  };
  const std::string name = QuoteIdentifier(column.name);
  if (auto type = data::LogicalType::FromDuckdbName(column.type)) return {*std::move(type), name};
  const auto* const row = std::find_if(kWider.begin(), kWider.end(),
                                       [&](const Row& wider) { return wider.from == column.type; });
  std::string to = row == kWider.end() ? "VARCHAR" : std::string(row->to);
  const auto begins = [&](std::string_view word) { return column.type.starts_with(word); };
  if (begins("STRUCT(") || begins("MAP(") || begins("UNION(") || column.type.ends_with(']')) {
    return {{data::Kind::kJson, 0, 0, nullptr}, fmt::format("to_json({0})::JSON AS {0}", name)};
  }
  const std::string value = column.type == "TIMESTAMP_NS" ? ExactMicroseconds(name)
                                                          : fmt::format("CAST({} AS {})", name, to);
  return {*data::LogicalType::FromDuckdbName(to), value + " AS " + name};
}

Error NoSuchTable(duckdb_connection connection, const estate::Integration& integration) {
  const estate::TableAddress& address = *integration.source.warehouse_table;
  std::vector<std::string> names;
  const auto known = data::QueryCells(
      connection, fmt::format("SELECT database_name || '.' || schema_name || '.' || table_name "
                              "FROM duckdb_tables() WHERE schema_name <> {} UNION ALL SELECT "
                              "database_name || '.' || schema_name || '.' || view_name FROM "
                              "duckdb_views() WHERE NOT internal",
                              QuoteLiteral(kSystemSchema)));
  if (known.ok()) {
    for (const auto& row : known.value()) names.push_back(row.front().text);
  }
  return {ErrorKind::kNotFound,
          fmt::format("{}: the warehouse has no table {}{}; run the integration or the model that "
                      "makes it first",
                      integration.source.mark.ToString(), address.ToString(),
                      DidYouMean(address.ToString(), names))};
}

// Where to cut a table into lanes; the last one has no end. DuckDB itself runs
// with one thread here, and a row's text and hash are worth another core.
std::vector<std::string> RowRanges(duckdb_connection connection, const std::string& table,
                                   const estate::Integration& integration) {
  constexpr std::int64_t kRowsPerLaneMin = 122'880;  // DuckDB's row group.
  // A view has no row numbers.
  const auto last = data::QueryCells(connection, "SELECT max(rowid) FROM " + table);
  if (!last.ok() || !last.value().front().front().valid) return {"true"};
  const std::int64_t rows = std::stoll(last.value().front().front().text) + 1;
  const std::int64_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::int64_t lanes = integration.parallel > 0
                                 ? integration.parallel
                                 : std::clamp(rows / kRowsPerLaneMin, std::int64_t{1}, cores);
  std::vector<std::string> ranges;
  for (std::int64_t lane = 0; lane < lanes; ++lane) {
    std::string range = fmt::format("rowid >= {}", rows / lanes * lane);
    if (lane + 1 < lanes) range += fmt::format(" AND rowid < {}", rows / lanes * (lane + 1));
    ranges.push_back(lanes == 1 ? "true" : std::move(range));
  }
  return ranges;
}

Status CheckRules(const std::vector<TableColumn>& columns, const estate::Integration& integration) {
  std::vector<std::string> names;
  for (const TableColumn& column : columns) names.push_back(column.name);
  return pipeline::CheckColumnRules(names, integration.source.warehouse_table->ToString(),
                                    integration);
}

}  // namespace

Result<std::unique_ptr<pipeline::Source>> OpenTableSource(Warehouse& warehouse,
                                                          const estate::Integration& integration,
                                                          pipeline::Progress& progress) {
  if (integration.mode == estate::Mode::kIncremental) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("{}: a warehouse table is read with mode snapshot, not incremental; "
                             "only rows that changed are written anyway",
                             integration.source.mark.ToString()));
  }
  const estate::TableAddress& address = *integration.source.warehouse_table;
  const std::string table = SqlName(address);
  AFL_ASSIGN(const data::DuckConnection connection, warehouse.Connect());
  const auto described = DescribeSelect(connection.get(), "SELECT * FROM " + table);
  if (!described.ok() && described.error().kind() == ErrorKind::kNotFound) {
    return NoSuchTable(connection.get(), integration);
  }
  if (!described.ok()) return described.error();
  AFL_TRY(CheckRules(described.value(), integration));
  data::Schema schema;
  std::string select;
  for (const TableColumn& column : described.value()) {
    if (!pipeline::IsSelected(column.name, integration)) continue;
    Travels travels = HowItTravels(column);
    select += (select.empty() ? "" : ", ") + travels.expression;
    schema.push_back({column.name, std::move(travels.type), true});
  }
  if (schema.empty()) {
    return Error(ErrorKind::kInvalidConfig, "the source has no columns left to read");
  }
  // On lines of its own: the condition may end in a comment.
  const std::string condition =
      integration.where.empty() ? "" : " AND (\n" + integration.where + "\n)";
  AFL_ASSIGN(const auto count, data::QueryCells(connection.get(), "SELECT count(*) FROM " + table +
                                                                      " WHERE true" + condition)
                                   .Within([&] { return address.ToString(); }));
  std::vector<std::string> lanes;
  for (const std::string& range : RowRanges(connection.get(), table, integration)) {
    lanes.push_back(fmt::format("(SELECT {} FROM {} WHERE {}{})", select, table, range, condition));
  }
  return std::unique_ptr<pipeline::Source>(std::make_unique<TableSource>(
      std::move(lanes), std::move(schema), std::stoull(count.front().front().text), progress));
}

}  // namespace afluente::duck
