#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/durable_file.h"
#include "base/names.h"
#include "connectors/duckdb/interrupt.h"
#include "connectors/duckdb/stage_keys.h"
#include "estate/train_parameters.h"
#include "inference/model_versions.h"
#include "inference/scratch.h"
#include "inference/training.h"
#include "inference/xgboost_engine.h"
#include "orchestrator/tasks/exchange.h"
#include "orchestrator/tasks/learning.h"
#include "orchestrator/tasks/pieces.h"

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;
using inference::Feature;
using inference::FeatureKind;

constexpr double kValidationShare = 0.15;  // Of what is not held out.

class ExampleExport {
 public:
  ExampleExport(const estate::TrainTask& train, duckdb_connection connection)
      : train_(train), connection_(connection), table_(duck::SqlName(train.table)) {}

  /// Writes examples.parquet and, last, spec.json. Returns how many examples there are.
  Result<std::uint64_t> Run(const fs::path& folder);

 private:
  Status CheckNames(const std::vector<duck::TableColumn>& columns) const;
  Result<std::vector<Feature>> Features(const std::vector<duck::TableColumn>& columns) const;
  Status CheckRows(const std::vector<Feature>& features) const;
  std::string Select(const std::vector<Feature>& features) const;
  Result<std::uint64_t> CheckParts(const std::string& file) const;
  std::string Labelled() const {
    return fmt::format("(SELECT * FROM {} WHERE {} IS NOT NULL)", table_,
                       QuoteIdentifier(train_.label));
  }

  const estate::TrainTask& train_;
  const duckdb_connection connection_;
  const std::string table_;
};

Status ExampleExport::CheckNames(const std::vector<duck::TableColumn>& columns) const {
  AFL_TRY(CheckColumns("label", {train_.label}, train_.table, columns));
  AFL_TRY(CheckColumns("key", train_.key, train_.table, columns));
  AFL_TRY(CheckColumns("features", train_.features, train_.table, columns));
  if (!train_.group.empty()) AFL_TRY(CheckColumns("group", {train_.group}, train_.table, columns));
  if (train_.key.empty()) {
    return Error(ErrorKind::kInvalidConfig,
                 "a train task needs a key: the columns that identify an example");
  }
  for (const auto& [name, value] : train_.parameters) {
    const std::string problem = estate::TrainParameterProblem(name, value);
    if (!problem.empty()) return Error(ErrorKind::kInvalidConfig, problem);
  }
  return Done{};
}

Result<std::vector<Feature>> ExampleExport::Features(
    const std::vector<duck::TableColumn>& columns) const {
  const auto is_in = [](const std::vector<std::string>& names, const std::string& column) {
    std::vector<duck::TableColumn> as_columns;
    for (const std::string& name : names) as_columns.push_back({name, ""});
    return FindColumn(as_columns, column) != nullptr;
  };
  std::vector<Feature> features;
  for (const duck::TableColumn& column : columns) {
    const bool is_named = train_.features.empty() || is_in(train_.features, column.name);
    if (!is_named || is_in(train_.key, column.name) || is_in({train_.label}, column.name)) {
      continue;
    }
    AFL_ASSIGN(const FeatureKind kind, inference::KindOf(column));
    features.push_back({column.name, kind, {}});
  }
  if (features.empty()) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("{} has no column that is a feature", train_.table.ToString()));
  }
  return features;
}

Status ExampleExport::CheckRows(const std::vector<Feature>& features) const {
  AFL_TRY(duck::CheckKeys(connection_, Labelled(), train_.key));
  std::string values = fmt::format("count(*) FILTER (CAST({} AS DOUBLE) NOT IN (0, 1))",
                                   QuoteIdentifier(train_.label));
  for (const Feature& feature : features) {
    if (feature.kind != FeatureKind::kText) continue;
    values += fmt::format(", approx_count_distinct({})", QuoteIdentifier(feature.name));
  }
  AFL_ASSIGN(const auto rows,
             data::QueryCells(connection_, fmt::format("SELECT {} FROM {}", values, Labelled())));
  if (rows[0][0].text != "0") {
    return Error(ErrorKind::kConversion,
                 fmt::format("label {}: {} rows have another value than 0, 1 and NULL",
                             train_.label, rows[0][0].text));
  }
  std::size_t cell = 1;
  for (const Feature& feature : features) {
    if (feature.kind != FeatureKind::kText) continue;
    const std::string& count = rows[0][cell++].text;
    if (std::stoull(count) <= inference::kCategoriesMax) continue;
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("column {} has some {} different texts, more than {}: it identifies "
                             "rows rather than kinds of them; name the others in `features`",
                             feature.name, count, inference::kCategoriesMax));
  }
  return Done{};
}

// Rows of one group share a hash, and so a side.
std::string ExampleExport::Select(const std::vector<Feature>& features) const {
  const std::string group = train_.group.empty() ? train_.key.front() : train_.group;
  const double validation = train_.holdout + (1 - train_.holdout) * kValidationShare;
  std::string columns;
  for (const Feature& feature : features) {
    columns += fmt::format(", CAST({0} AS {1}) AS {0}", QuoteIdentifier(feature.name),
                           feature.kind == FeatureKind::kText ? "VARCHAR" : "DOUBLE");
  }
  return fmt::format(
      "SELECT CAST(CASE WHEN _afluente_place < {} THEN {} WHEN _afluente_place < {} THEN {} ELSE "
      "{} END AS TINYINT) "
      "AS {}, CAST({} AS FLOAT) AS {}{} FROM (SELECT *, "
      "md5_number_lower('holdout:' || {}) / 18446744073709551616.0 AS _afluente_place FROM {}) "
      "ORDER BY {}",
      train_.holdout, static_cast<int>(inference::Part::kHoldout), validation,
      static_cast<int>(inference::Part::kValidation), static_cast<int>(inference::Part::kTrain),
      inference::kPartColumn, QuoteIdentifier(train_.label), inference::kLabelColumn, columns,
      KeyText({group}), Labelled(), QuotedList(train_.key));
}

Result<std::uint64_t> ExampleExport::CheckParts(const std::string& file) const {
  AFL_ASSIGN(const auto rows,
             data::QueryCells(
                 connection_,
                 fmt::format("SELECT part, count({0}), coalesce(sum({0})::BIGINT, 0) "
                             "FROM (VALUES (0), (1), (2)) AS parts(part) LEFT JOIN "
                             "read_parquet({1}) ON {2} = part GROUP BY part "
                             "ORDER BY part",
                             inference::kLabelColumn, QuoteLiteral(file), inference::kPartColumn)));
  constexpr const char* kNames[] = {"training", "validation", "held-out"};
  std::uint64_t all = 0;
  for (std::size_t part = 0; part < rows.size(); ++part) {
    const std::uint64_t count = std::stoull(rows[part][1].text);
    const std::uint64_t ones = std::stoull(rows[part][2].text);
    all += count;
    if (ones > 0 && ones < count) continue;
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("of {} {} examples in {}, {} have label 1: both labels are needed; "
                             "more rows, or another `group` or `holdout`",
                             count, kNames[part], train_.table.ToString(), ones));
  }
  return all;
}

Result<std::uint64_t> ExampleExport::Run(const fs::path& folder) {
  AFL_ASSIGN(const auto columns, ColumnsOf(connection_, train_.table));
  AFL_TRY(CheckNames(columns));
  AFL_ASSIGN(const std::vector<Feature> features, Features(columns));
  AFL_TRY(CheckRows(features));
  const fs::path file = folder / "examples.parquet";
  AFL_TRY(data::Execute(connection_, fmt::format("COPY ({}) TO {} (FORMAT parquet)",
                                                 Select(features), QuoteLiteral(file.string()))));
  AFL_ASSIGN(const std::uint64_t rows, CheckParts(file.string()));
  AFL_TRY(SyncPath(file));
  inference::TrainSpec spec{inference::kXgboostName, train_.label, features, train_.rounds,
                            train_.parameters};
  AFL_TRY(ReplaceFile(folder / "spec.json", ToJson(spec).dump(2) + "\n"));
  return rows;
}

Status ExportExamples(const estate::TrainTask& train, const LearningContext& context,
                      const Attempt& attempt, const std::stop_token& stop,
                      AttemptOutcome& outcome) {
  const Exchange exchange(context.lake);
  AFL_ASSIGN(const fs::path folder, exchange.Begin(attempt.ref, context.clock->Now()));
  AFL_ASSIGN(const data::DuckConnection connection, context.warehouse->Connect());
  const duck::InterruptOnStop interrupt(connection.get(), stop);
  // What is checked is what is exported.
  AFL_TRY(data::Execute(connection.get(), "BEGIN"));
  auto rows = ExampleExport(train, connection.get()).Run(folder);
  (void)data::Execute(connection.get(), "ROLLBACK");
  AFL_ASSIGN(outcome.rows, std::move(rows));
  return Done{};
}

Result<Command> FitCommand(const estate::Task& task, const LearningContext& context,
                           const Attempt& attempt) {
  const Exchange exchange(context.lake);
  AFL_ASSIGN(const fs::path spec,
             exchange.Find(attempt.ref.run, PieceName(task, "rows"), "spec.json"));
  AFL_ASSIGN(const fs::path out, exchange.Make(attempt.ref));
  Command command;
  command.arguments = context.worker;
  command.arguments.insert(command.arguments.end(),
                           {"fit", spec.parent_path().string(), out.string()});
  return command;
}

// What was measured, with where it comes from.
Result<nlohmann::json> MetricsOf(const estate::TrainTask& train, const Attempt& attempt,
                                 const std::string& version, const fs::path& file) {
  AFL_ASSIGN(nlohmann::json metrics, inference::ReadJson(file));
  metrics["model"] = train.model;
  metrics["version"] = version;
  metrics["table"] = train.table.ToString();
  metrics["run"] = attempt.ref.run;
  metrics["interval"] = {{"start", FormatRfc3339(attempt.interval_start)},
                         {"end", FormatRfc3339(attempt.nominal)}};
  return metrics;
}

Status PublishModel(const estate::Task& task, const estate::TrainTask& train,
                    const LearningContext& context, const Attempt& attempt,
                    AttemptOutcome& outcome) {
  const Exchange exchange(context.lake);
  const std::string& run = attempt.ref.run;
  const fs::path folder = inference::ModelFolder(context.lake, context.project, train.model);
  const auto rows = exchange.Last(run, PieceName(task, "rows"));
  const auto fit = exchange.Last(run, PieceName(task, "fit"));
  if (!rows || !fit) {
    return Error(ErrorKind::kNotFound,
                 fmt::format("no model was fitted: clear {}, and what comes after it",
                             PieceName(task, "rows")));
  }
  // The same attempts make the same version: one that is published is not published again.
  const std::string version =
      fmt::format("{}-{}.{}", RunWord(attempt), rows->attempt, fit->attempt);
  if (!inference::FindVersion(folder, version).ok()) {
    AFL_ASSIGN(const fs::path file, exchange.Find(run, fit->task, inference::kMetrics));
    AFL_ASSIGN(const nlohmann::json metrics, MetricsOf(train, attempt, version, file));
    outcome.output = metrics.dump();
    const double auc = metrics.at("auc");
    if (auc < train.min_auc) {
      return Error(ErrorKind::kConversion,
                   fmt::format("model {} is not published and stays as it was: its AUC on held-out "
                               "examples is {:.3f}, below min_auc {}",
                               train.model, auc, train.min_auc));
    }
    AFL_TRY(ReplaceFile(file, metrics.dump(2) + "\n"));
    AFL_TRY(inference::PublishVersion(
        folder, {version, run, FormatRfc3339(context.clock->Now()), auc}, file.parent_path()));
  }
  exchange.Empty({*rows, *fit});
  AFL_ASSIGN(const nlohmann::json metrics,
             inference::ReadJson(folder / version / inference::kMetrics));
  outcome.output = metrics.dump();
  for (const auto& [part, count] : metrics.at("rows").items()) {
    outcome.rows += count.get<std::uint64_t>();
  }
  return Done{};
}

}  // namespace

std::vector<std::string> ThisProgramAsWorker() {
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  return {failed ? std::string("afluente") : program.string(), "worker"};
}

std::vector<TaskPiece> TrainPieces(const estate::Task& task, const estate::TrainTask& train,
                                   const LearningContext& context) {
  TaskPiece rows{SpecOfPiece(task, "train", "rows"),
                 ThreadWorkOf([&train, context](const Attempt& attempt, const std::stop_token& stop,
                                                AttemptOutcome& outcome) {
                   return ExportExamples(train, context, attempt, stop, outcome);
                 })};
  TaskPiece fit{SpecOfPiece(task, "train", "fit"),
                ProcessWork([&task, context](const Attempt& attempt) {
                  return FitCommand(task, context, attempt);
                })};
  fit.spec.after = {rows.spec.name};
  TaskPiece publish{
      SpecOfPiece(task, "train", ""),
      ThreadWorkOf([&task, &train, context](const Attempt& attempt, const std::stop_token&,
                                            AttemptOutcome& outcome) {
        return PublishModel(task, train, context, attempt, outcome);
      })};
  publish.spec.after = {fit.spec.name};
  return {std::move(rows), std::move(fit), std::move(publish)};
}

}  // namespace afluente::orchestrator
