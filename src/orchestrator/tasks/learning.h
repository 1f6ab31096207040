// Tasks that train, predict and split: what they become for the scheduler.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "connectors/duckdb/warehouse.h"
#include "estate/dag.h"
#include "estate/template_text.h"
#include "orchestrator/tasks/task_piece.h"

namespace afluente::orchestrator {

/// What the pieces work with. They copy it, and borrow the task and what this refers to.
struct LearningContext {
  duck::Warehouse* warehouse = nullptr;  // nullptr: the pieces are never begun.
  const Clock* clock = nullptr;
  std::filesystem::path lake;           // Where the warehouse may write.
  std::filesystem::path estate_folder;  // Where commands of a split run.
  std::string project;                  // Whose models: the DAG's.
  /// The program of children, and what goes before their own arguments: this one and "worker".
  std::vector<std::string> worker;
  /// What templates in `where` and in commands stand for.
  std::function<Result<estate::TemplateValues>(const Attempt&)> values;
  /// Hears of each table that a task has written; on other threads.
  std::function<void(const estate::TableAddress&)> on_updated;
};

/// This program as a worker; read it when the process begins, before it can be replaced.
std::vector<std::string> ThisProgramAsWorker();

/// TASK.rows exports the examples, TASK.fit fits in a child process, TASK publishes the version
/// unless its AUC is below min_auc. Output of TASK: the metrics. A publication that a crash kept
/// from being recorded is not made twice.
std::vector<TaskPiece> TrainPieces(const estate::Task& task, const estate::TrainTask& train,
                                   const LearningContext& context);

/// One piece: scores rows in chunks into a stage, which takes the place of `into` in one
/// transaction: the table has the rows of the last run and no others.
std::vector<TaskPiece> PredictPieces(const estate::Task& task, const estate::PredictTask& predict,
                                     const LearningContext& context);

/// TASK.rows cuts the table into shards, TASK.shard-0 and so on are child processes, TASK puts
/// what they left into the lake with one commit of its manifest.
std::vector<TaskPiece> SplitPieces(const estate::Task& task, const estate::SplitTask& split,
                                   const LearningContext& context);

}  // namespace afluente::orchestrator
