#include "connectors/duckdb/model_build.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <strings.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/names.h"
#include "connectors/duckdb/checkpoints.h"
#include "connectors/duckdb/data_tests.h"
#include "connectors/duckdb/evolution.h"
#include "connectors/duckdb/interrupt.h"
#include "connectors/duckdb/stage_keys.h"
#include "estate/model_values.h"
#include "pipeline/model_graph.h"
#include "pipeline/model_reads.h"

namespace afluente::duck {
namespace {

using estate::Materialize;

constexpr const char* kPositionKind = "model";
constexpr const char* kBeginning = "1970-01-01T00:00:00.000000+00:00";

enum class Standing : std::uint8_t { kNothing, kTable, kView };

const TableColumn* Find(const std::vector<TableColumn>& columns, const std::string& name) {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const TableColumn& column) {
    return strcasecmp(column.name.c_str(), name.c_str()) == 0;
  });
  return found == columns.end() ? nullptr : &*found;
}

class ModelRun {
 public:
  ModelRun(const estate::Estate& estate, const estate::Model& model, bool full_refresh,
           WallTime now, const std::optional<estate::Interval>& only, duckdb_connection connection)
      : estate_(estate),
        model_(model),
        full_refresh_(full_refresh),
        now_(now),
        only_(only),
        connection_(connection),
        target_(SqlName(model.table)) {
    estate::TableAddress stage = model.table;
    stage.table = kStagePrefix + stage.table;
    stage_ = SqlName(stage);
  }
  ~ModelRun();
  ModelRun(const ModelRun&) = delete;
  ModelRun& operator=(const ModelRun&) = delete;

  /// Everything that needs no place in the published table.
  Status Prepare(pipeline::Progress& progress);
  Status Publish();
  ModelBuilt Take() { return std::move(built_); }

 private:
  Status ReadStanding();
  Status ReadInterval();
  Status CheckReads() const;
  Status ReadSelect();
  Status FitIncremental();
  Status CheckColumn(const std::string& what, const std::string& column) const;
  Status ReadComments();
  Status Comment() const;
  Status DropStanding() const;
  Status PutInPlace();
  Status Merge() const;
  Status Test();

  bool IsView() const { return model_.materialize == Materialize::kView; }

  const estate::Estate& estate_;
  const estate::Model& model_;
  const bool full_refresh_;
  const WallTime now_;
  const std::optional<estate::Interval> only_;
  const duckdb_connection connection_;
  const std::string target_;
  std::string stage_;
  bool stage_exists_ = false;

  Standing standing_ = Standing::kNothing;
  bool adds_ = false;  // To what stands, rather than taking its place.
  estate::Interval interval_;
  std::string reached_;  // How far the model has come once this run is published.
  estate::TemplateValues values_;
  std::string select_;
  std::vector<TableColumn> columns_;  // Of the result.
  std::vector<std::string> alterations_;
  std::vector<std::pair<std::string, std::string>> comments_;  // Column, comment.
  ModelBuilt built_;
};

ModelRun::~ModelRun() {
  if (!stage_exists_) return;
  const Status dropped = data::Execute(connection_, "DROP TABLE IF EXISTS " + stage_);
  if (!dropped.ok()) spdlog::debug("the stage stays until the next run");
}

Status ModelRun::ReadStanding() {
  const auto exists = [&](const std::string& catalog, const std::string& column) {
    return data::QueryCells(
        connection_,
        fmt::format("SELECT 1 FROM {}() WHERE database_name = {} AND "
                    "schema_name = {} AND {} = {}",
                    catalog, QuoteLiteral(model_.table.project), QuoteLiteral(model_.table.dataset),
                    column, QuoteLiteral(model_.table.table)));
  };
  AFL_ASSIGN(const auto table, exists("duckdb_tables", "table_name"));
  AFL_ASSIGN(const auto view, exists("duckdb_views", "view_name"));
  if (!table.empty()) standing_ = Standing::kTable;
  if (!view.empty()) standing_ = Standing::kView;
  return Done{};
}

// What an incremental model has not written itself it cannot add to.
Status ModelRun::ReadInterval() {
  std::optional<data::Position> stored;
  if (standing_ != Standing::kNothing && !full_refresh_) {
    AFL_ASSIGN(stored, ReadCheckpoint(connection_, model_.table, model_.name));
  }
  const bool has_position = stored && stored->kind == kPositionKind;
  interval_ = {has_position ? stored->value : kBeginning, FormatRfc3339(now_)};
  reached_ = interval_.end;
  if (only_ && has_position) {
    interval_ = *only_;
    reached_ = stored->value;
  }
  values_ = estate::ModelValues(estate_, interval_);
  adds_ = has_position && standing_ == Standing::kTable &&
          model_.materialize == Materialize::kIncremental;
  return Done{};
}

// A table that is not there yet gets another message than DuckDB's.
Status ModelRun::CheckReads() const {
  AFL_ASSIGN(const auto reads, pipeline::ReadsOf(connection_, model_.sql, values_));
  if (!reads.problems.empty()) {
    return Error(ErrorKind::kInvalidConfig, reads.problems.front().message);
  }
  for (const pipeline::TableRead& read : reads.tables) {
    AFL_ASSIGN(const auto columns, ReadColumns(connection_, read.table));
    if (!columns.empty()) continue;
    std::string maker;
    for (const auto& [name, integration] : estate_.integrations) {
      if (integration.destination.table == read.table) maker = name;
    }
    const auto model = estate_.models.find(read.table.ToString());
    if (model != estate_.models.end()) maker = model->second.name;
    return Error(ErrorKind::kNotFound,
                 fmt::format("it reads {}, which the warehouse has not{}", read.table.ToString(),
                             maker.empty() ? "" : ": `afluente run " + maker + "` makes it"));
  }
  return Done{};
}

Status ModelRun::ReadSelect() {
  AFL_ASSIGN(select_, pipeline::WarehouseSql(model_.sql, values_));
  if (adds_ && !model_.where_new.empty()) {
    AFL_ASSIGN(const std::string is_new, pipeline::WarehouseSql(model_.where_new, values_));
    select_ = fmt::format("SELECT * FROM (\n{}\n) WHERE (\n{}\n)", select_, is_new);
  }
  AFL_TRY(pipeline::ExpectOneSelect(connection_, select_));
  // On a line of its own: the text may end in a comment.
  auto described = DescribeSelect(connection_, select_ + "\n");
  if (!described.ok() && described.error().kind() == ErrorKind::kSchemaMismatch) {
    return Error(ErrorKind::kInvalidConfig,
                 "two columns of the SELECT have one name, but for its case: name one otherwise "
                 "with AS");
  }
  AFL_ASSIGN(columns_, std::move(described));
  return Done{};
}

Status ModelRun::CheckColumn(const std::string& what, const std::string& column) const {
  if (Find(columns_, column) != nullptr) return Done{};
  std::vector<std::string> names;
  for (const TableColumn& one : columns_) names.push_back(one.name);
  return Error(ErrorKind::kNotFound, fmt::format("{}: the SELECT yields no column {}{}", what,
                                                 column, DidYouMean(column, names)));
}

// Rows that were written before stay: only new columns can join them.
Status ModelRun::FitIncremental() {
  for (const std::string& key : model_.key) AFL_TRY(CheckColumn("key", key));
  if (!model_.partition.empty()) AFL_TRY(CheckColumn("partition", model_.partition));
  if (!adds_) return Done{};
  AFL_ASSIGN(const auto table, ReadColumns(connection_, model_.table));
  const auto refuse = [](const std::string& change) {
    return Error(ErrorKind::kSchemaMismatch,
                 change + "; run with --full-refresh to build the table anew");
  };
  for (const TableColumn& column : columns_) {
    const TableColumn* existing = Find(table, column.name);
    if (existing == nullptr) {
      built_.schema_changes.push_back(
          fmt::format("column {}: added ({})", column.name, column.type));
      alterations_.push_back(
          fmt::format("ADD COLUMN {} {}", QuoteIdentifier(column.name), column.type));
    } else if (!IsWidening(column.type, existing->type)) {
      return refuse(fmt::format("column {} is {} in the table and {} in the SELECT", column.name,
                                existing->type, column.type));
    }
  }
  for (const TableColumn& column : table) {
    if (Find(columns_, column.name) == nullptr) {
      return refuse(
          fmt::format("column {} is in the table, but the SELECT yields it no more", column.name));
    }
  }
  return Done{};
}

Status ModelRun::Prepare(pipeline::Progress& progress) {
  AFL_TRY(ReadStanding());
  AFL_TRY(ReadInterval());
  AFL_TRY(CheckReads());
  AFL_TRY(ReadSelect());
  AFL_TRY(ReadComments());
  if (model_.materialize == Materialize::kIncremental) AFL_TRY(FitIncremental());
  AFL_TRY(data::Execute(connection_,
                        fmt::format("CREATE SCHEMA IF NOT EXISTS {}.{}; DROP TABLE IF EXISTS {}",
                                    QuoteIdentifier(model_.table.project),
                                    QuoteIdentifier(model_.table.dataset), stage_)));
  if (IsView()) return Done{};
  stage_exists_ = true;
  AFL_TRY(data::Execute(connection_, fmt::format("CREATE TABLE {} AS\n{}", stage_, select_)));
  AFL_ASSIGN(const auto count, data::QueryCells(connection_, "SELECT count(*) FROM " + stage_));
  built_.rows = std::stoull(count.front().front().text);
  progress.rows = built_.rows;
  if (!model_.key.empty()) AFL_TRY(CheckKeys(connection_, stage_, model_.key));
  return Done{};
}

Status ModelRun::ReadComments() {
  AFL_ASSIGN(const auto comments,
             data::QueryCells(
                 connection_,
                 fmt::format("SELECT column_name, comment FROM duckdb_columns() WHERE "
                             "database_name = {} AND schema_name = {} AND table_name = {} AND "
                             "comment IS NOT NULL",
                             QuoteLiteral(model_.table.project), QuoteLiteral(model_.table.dataset),
                             QuoteLiteral(model_.table.table))));
  for (const auto& row : comments) {
    if (Find(columns_, row[0].text) != nullptr) comments_.emplace_back(row[0].text, row[1].text);
  }
  return Done{};
}

// The description, and what people have written about columns that are still there.
Status ModelRun::Comment() const {
  if (!model_.description.empty()) {
    AFL_TRY(data::Execute(
        connection_, fmt::format("COMMENT ON {} {} IS {}", IsView() ? "VIEW" : "TABLE", target_,
                                 QuoteLiteral(model_.description))));
  }
  for (const auto& [column, comment] : comments_) {
    AFL_TRY(
        data::Execute(connection_, fmt::format("COMMENT ON COLUMN {}.{} IS {}", target_,
                                               QuoteIdentifier(column), QuoteLiteral(comment))));
  }
  return Done{};
}

Status ModelRun::DropStanding() const {
  if (standing_ == Standing::kNothing) return Done{};
  return data::Execute(
      connection_,
      fmt::format("DROP {} {}", standing_ == Standing::kView ? "VIEW" : "TABLE", target_));
}

Status ModelRun::Merge() const {
  for (const std::string& alteration : alterations_) {
    AFL_TRY(data::Execute(connection_, "ALTER TABLE " + target_ + " " + alteration));
  }
  std::string gone;
  if (!model_.key.empty()) {
    gone = fmt::format("DELETE FROM {} AS t USING {} AS s WHERE {}", target_, stage_,
                       KeysMatch(model_.key));
  } else {
    gone = fmt::format(
        "DELETE FROM {0} WHERE {2} IN (SELECT {2} FROM {1}) OR ({2} IS NULL AND "
        "EXISTS (SELECT 1 FROM {1} WHERE {2} IS NULL))",
        target_, stage_, QuoteIdentifier(model_.partition));
  }
  AFL_TRY(data::Execute(connection_, gone));
  return data::Execute(
      connection_, fmt::format("INSERT INTO {} BY NAME SELECT * FROM {}; DROP TABLE {}", target_,
                               stage_, stage_));
}

Status ModelRun::PutInPlace() {
  if (adds_) return Merge();
  AFL_TRY(DropStanding());
  if (IsView()) {
    return data::Execute(connection_, fmt::format("CREATE VIEW {} AS\n{}", target_, select_));
  }
  return data::Execute(connection_, fmt::format("ALTER TABLE {} RENAME TO {}", stage_,
                                                QuoteIdentifier(model_.table.table)));
}

Status ModelRun::Test() {
  TestSetting setting{.values = values_, .now = now_, .told_by = model_.key};
  for (const estate::DataTest& test : model_.tests) {
    if (setting.told_by.empty() && test.kind == estate::DataTest::Kind::kUnique) {
      setting.told_by = test.columns;
    }
  }
  AFL_ASSIGN(const auto outcomes, RunDataTests(connection_, model_.table, model_.tests, setting));
  std::string failed;
  for (const TestOutcome& outcome : outcomes) {
    if (outcome.passed) continue;
    if (outcome.severity == estate::Severity::kWarn) {
      built_.warnings.push_back("data test " + outcome.ToString());
    } else {
      failed += (failed.empty() ? "" : "; ") + outcome.ToString();
    }
  }
  if (failed.empty()) return Done{};
  return Error(ErrorKind::kConversion,
               fmt::format("{} is not published and stays as it was: data test {}",
                           model_.table.ToString(), failed));
}

Status ModelRun::Publish() {
  AFL_TRY(data::Execute(connection_, "BEGIN"));
  const auto work = [&]() -> Status {
    AFL_TRY(PutInPlace());
    if (!adds_) AFL_TRY(Comment());
    AFL_TRY(Test());
    AFL_TRY(WriteCheckpoint(connection_, model_.table, model_.name, {kPositionKind, reached_}));
    return data::Execute(connection_, "COMMIT");
  };
  if (Status published = work(); !published.ok()) {
    // The first failure is the one to tell; DuckDB may have rolled back already.
    (void)data::Execute(connection_, "ROLLBACK");
    return std::move(published).error();
  }
  stage_exists_ = false;
  return Done{};
}

}  // namespace

Result<ModelBuilt> BuildModel(Warehouse& warehouse, const estate::Estate& estate,
                              const estate::Model& model, bool full_refresh, WallTime now,
                              pipeline::Progress& progress, const std::stop_token& stop,
                              const std::optional<estate::Interval>& only) {
  AFL_ASSIGN(const data::DuckConnection connection, warehouse.Connect());
  ModelBuilt built;
  {
    // Goes first: an interrupted connection could not drop the stage.
    ModelRun run(estate, model, full_refresh, now, only, connection.get());
    const InterruptOnStop interrupt(connection.get(), stop);
    const auto within = [&] { return model.sql_mark.file.text(); };
    AFL_TRY(run.Prepare(progress).Within(within));
    AFL_TRY(run.Publish());
    built = run.Take();
  }
  if (const Status status = warehouse.Checkpoint(model.table.project); !status.ok()) {
    spdlog::debug("checkpoint of {} left to later: {}", model.table.project,
                  status.error().message());
  }
  return built;
}

}  // namespace afluente::duck
