#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "base/names.h"
#include "connectors/duckdb/checkpoints.h"
#include "connectors/duckdb/interrupt.h"
#include "connectors/duckdb/stage_keys.h"
#include "inference/model_versions.h"
#include "inference/scoring.h"
#include "orchestrator/tasks/learning.h"
#include "orchestrator/tasks/pieces.h"

namespace afluente::orchestrator {
namespace {

class Prediction {
 public:
  Prediction(const estate::PredictTask& predict, const LearningContext& context,
             const Attempt& attempt, duckdb_connection connection)
      : predict_(predict), context_(context), attempt_(attempt), connection_(connection) {
    stage_ = predict.into;
    stage_.table = duck::kStagePrefix + stage_.table;
  }
  ~Prediction();
  Prediction(const Prediction&) = delete;
  Prediction& operator=(const Prediction&) = delete;

  Status Run(const std::stop_token& stop, AttemptOutcome& outcome);

 private:
  Status CheckNames(const inference::LoadedModel& model) const;
  std::string Columns(const inference::LoadedModel& model) const;
  Result<std::string> From() const;
  Status Publish();
  Status PutInPlace() const;

  const estate::PredictTask& predict_;
  const LearningContext& context_;
  const Attempt& attempt_;
  const duckdb_connection connection_;
  estate::TableAddress stage_;
  bool stage_exists_ = false;
};

Prediction::~Prediction() {
  if (!stage_exists_) return;
  const Status dropped =
      data::Execute(connection_, "DROP TABLE IF EXISTS " + duck::SqlName(stage_));
  if (!dropped.ok()) spdlog::debug("the stage stays until the next run");
}

Status Prediction::CheckNames(const inference::LoadedModel& model) const {
  AFL_ASSIGN(const auto columns, ColumnsOf(connection_, predict_.table));
  AFL_TRY(CheckColumns("key", predict_.key, predict_.table, columns));
  return model.plan.CheckTable(predict_.table.ToString(), columns);
}

// Of the stage. The time is that of the run, not of the attempt: done again, it is the same.
std::string Prediction::Columns(const inference::LoadedModel& model) const {
  return fmt::format(
      "{}, CAST(NULL AS DOUBLE) AS {}, {} AS model, {} AS version, CAST({} AS "
      "TIMESTAMPTZ) AS predicted_at",
      QuotedList(predict_.key), QuoteIdentifier(predict_.score), QuoteLiteral(predict_.model),
      QuoteLiteral(model.version), QuoteLiteral(FormatRfc3339(attempt_.nominal)));
}

Result<std::string> Prediction::From() const {
  AFL_ASSIGN(const estate::TemplateValues values, context_.values(attempt_));
  AFL_ASSIGN(const std::string where, Condition(predict_.where, values));
  return fmt::format("FROM {} WHERE {}", duck::SqlName(predict_.table), where);
}

Status Prediction::Run(const std::stop_token& stop, AttemptOutcome& outcome) {
  AFL_ASSIGN(
      const inference::LoadedModel model,
      inference::LoadModel(inference::ModelFolder(context_.lake, context_.project, predict_.model),
                           predict_.version));
  AFL_TRY(CheckNames(model));
  AFL_ASSIGN(const std::string from, From());
  const std::string columns = Columns(model);
  stage_exists_ = true;
  AFL_TRY(data::Execute(
      connection_, fmt::format("CREATE SCHEMA IF NOT EXISTS {0}.{1}; DROP TABLE IF EXISTS {2}; "
                               "CREATE TABLE {2} AS SELECT {3} {4} LIMIT 0",
                               QuoteIdentifier(stage_.project), QuoteIdentifier(stage_.dataset),
                               duck::SqlName(stage_), columns, from)));
  AFL_ASSIGN(const data::DuckConnection reader, context_.warehouse->Connect());
  const duck::InterruptOnStop interrupt(reader.get(), stop);
  const std::size_t score = predict_.key.size();
  constexpr std::size_t kOwnColumns = 4;  // Score, model, version, predicted_at.
  AFL_ASSIGN(
      const inference::Scored scored,
      inference::ScoreRows(reader.get(),
                           fmt::format("SELECT {}, {} {}", columns, model.plan.SelectList(), from),
                           connection_, stage_, score + kOwnColumns, score, model, stop));
  AFL_TRY(duck::CheckKeys(connection_, duck::SqlName(stage_), predict_.key));
  AFL_TRY(Publish());
  outcome.rows = scored.rows;
  outcome.output =
      nlohmann::json{
          {"model", predict_.model},
          {"version", model.version},
          {"into", predict_.into.ToString()},
          {"rows", scored.rows},
          {"mean_score", scored.rows == 0 ? 0 : scored.sum / static_cast<double>(scored.rows)}}
          .dump();
  return Done{};
}

Status Prediction::PutInPlace() const {
  const std::string into = duck::SqlName(predict_.into);
  const std::string stage = duck::SqlName(stage_);
  // What a sensor of the table asks for.
  AFL_TRY(duck::WriteCheckpoint(connection_, predict_.into, predict_.model,
                                {"predict", FormatRfc3339(attempt_.nominal)}));
  return data::Execute(
      connection_, fmt::format("DROP TABLE IF EXISTS {}; ALTER TABLE {} RENAME TO {}", into, stage,
                               QuoteIdentifier(predict_.into.table)));
}

Status Prediction::Publish() {
  AFL_TRY(data::Execute(connection_, "BEGIN"));
  Status published = PutInPlace();
  if (published.ok()) published = data::Execute(connection_, "COMMIT");
  if (!published.ok()) {
    // The first failure is the one to tell.
    (void)data::Execute(connection_, "ROLLBACK");
    return published;
  }
  stage_exists_ = false;
  return Done{};
}

Status Predict(const estate::PredictTask& predict, const LearningContext& context,
               const Attempt& attempt, const std::stop_token& stop, AttemptOutcome& outcome) {
  AFL_ASSIGN(const data::DuckConnection connection, context.warehouse->Connect());
  AFL_TRY(Prediction(predict, context, attempt, connection.get()).Run(stop, outcome));
  if (const Status status = context.warehouse->Checkpoint(predict.into.project); !status.ok()) {
    spdlog::debug("checkpoint of {} left to later: {}", predict.into.project,
                  status.error().message());
  }
  context.on_updated(predict.into);
  return Done{};
}

}  // namespace

std::vector<TaskPiece> PredictPieces(const estate::Task& task, const estate::PredictTask& predict,
                                     const LearningContext& context) {
  return {{SpecOfPiece(task, "predict", ""),
           ThreadWorkOf([&predict, context](const Attempt& attempt, const std::stop_token& stop,
                                            AttemptOutcome& outcome) {
             return Predict(predict, context, attempt, stop, outcome);
           })}};
}

}  // namespace afluente::orchestrator
