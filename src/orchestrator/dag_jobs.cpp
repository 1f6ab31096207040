#include "orchestrator/dag_jobs.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "orchestrator/scheduler/task_graph.h"
#include "orchestrator/tasks/learning.h"
#include "orchestrator/tasks/move_tasks.h"
#include "orchestrator/tasks/outside_tasks.h"
#include "orchestrator/tasks/warehouse_tasks.h"

namespace afluente::orchestrator {
namespace {

using estate::TableAddress;

// The tables of the warehouse that a task reads; what SQL of its own reads is not known.
std::set<TableAddress> ReadBy(const estate::Estate& estate, const estate::TaskAction& action,
                              const pipeline::ModelGraph& graph) {
  if (const auto* model = std::get_if<estate::ModelTask>(&action)) {
    const auto reads = graph.reads.find(model->table.ToString());
    return reads == graph.reads.end() ? std::set<TableAddress>{} : reads->second;
  }
  if (const auto* task = std::get_if<estate::IntegrationTask>(&action)) {
    const auto& source = estate.integrations.at(task->integration).source;
    return source.warehouse_table ? std::set{*source.warehouse_table} : std::set<TableAddress>{};
  }
  if (const auto* check = std::get_if<estate::CheckTask>(&action)) return {check->table};
  if (const auto* train = std::get_if<estate::TrainTask>(&action)) return {train->table};
  if (const auto* predict = std::get_if<estate::PredictTask>(&action)) return {predict->table};
  if (const auto* split = std::get_if<estate::SplitTask>(&action)) return {split->table};
  return {};
}

std::vector<TableAddress> WrittenBy(const estate::Estate& estate,
                                    const estate::TaskAction& action) {
  if (const auto* model = std::get_if<estate::ModelTask>(&action)) return {model->table};
  if (const auto* predict = std::get_if<estate::PredictTask>(&action)) return {predict->into};
  if (const auto* sql = std::get_if<estate::SqlTask>(&action)) return sql->writes;
  if (const auto* task = std::get_if<estate::IntegrationTask>(&action)) {
    const auto& table = estate.integrations.at(task->integration).destination.table;
    if (table) return {*table};
  }
  return {};
}

// Whether `task` can only run once `before` has ended, by what the DAG declares.
bool Follows(const estate::Dag& dag, const std::string& task, const std::string& before) {
  for (const estate::Task& one : dag.tasks) {
    if (one.name != task) continue;
    return std::any_of(one.after.begin(), one.after.end(), [&](const std::string& next) {
      return next == before || Follows(dag, next, before);
    });
  }
  return false;
}

// A predict task needs the model that a train task makes.
bool Trains(const estate::TaskAction& action, const estate::TaskAction& for_action) {
  const auto* train = std::get_if<estate::TrainTask>(&action);
  const auto* predict = std::get_if<estate::PredictTask>(&for_action);
  return train != nullptr && predict != nullptr && train->model == predict->model;
}

TaskSpec SpecOf(const estate::Task& task) {
  return TaskOf(task.name, std::string(NameOf(task.action)), task.policy);
}

// What a DAG tells the DAG that it runs.
std::function<Result<std::string>(const Attempt&)> ParamsOf(const TaskContext& context,
                                                            const estate::Dag& dag,
                                                            const estate::DagTask& action) {
  return [&context, &dag, &action](const Attempt& attempt) -> Result<std::string> {
    AFL_ASSIGN(const auto values, ValuesOf(context, dag, attempt));
    nlohmann::json told = nlohmann::json::object();
    for (const auto& [name, text] : action.params) {
      AFL_ASSIGN(told[name], estate::Render(text, values, estate::Quoting::kPlain));
    }
    return FilledParameters(context.estate, action.dag, told.dump());
  };
}

class PieceMaker {
 public:
  PieceMaker(const TaskContext& context, const estate::Dag& dag, const estate::Task& task)
      : context_(context), dag_(dag), task_(task) {}

  std::vector<TaskPiece> operator()(const estate::IntegrationTask& action) const {
    return One(WorkOf(context_, context_.estate.integrations.at(action.integration)));
  }
  std::vector<TaskPiece> operator()(const estate::ModelTask& action) const {
    return One(WorkOf(context_, context_.estate.models.at(action.table.ToString())));
  }
  std::vector<TaskPiece> operator()(const estate::SqlTask& action) const {
    return One(WorkOf(context_, dag_, action));
  }
  std::vector<TaskPiece> operator()(const estate::CheckTask& action) const {
    return One(WorkOf(context_, dag_, action));
  }
  std::vector<TaskPiece> operator()(const estate::HttpTask& action) const {
    return One(WorkOf(context_, dag_, action));
  }
  std::vector<TaskPiece> operator()(const estate::CommandTask& action) const {
    return One(WorkOf(context_, dag_, action));
  }
  std::vector<TaskPiece> operator()(const estate::SensorTask& action) const {
    std::vector<TaskPiece> pieces = One(WorkOf(context_, dag_, action));
    pieces.front().spec.skip_at_timeout = action.soft;
    return pieces;
  }
  std::vector<TaskPiece> operator()(const estate::BranchTask& action) const {
    return One(WorkOf(context_, dag_, action, task_.name));
  }
  std::vector<TaskPiece> operator()(const estate::DagTask& action) const {
    TaskPiece piece = {SpecOf(task_), {}};
    piece.spec.child = ChildRun{action.dag, ParamsOf(context_, dag_, action)};
    return {std::move(piece)};
  }
  std::vector<TaskPiece> operator()(const estate::TrainTask& action) const {
    return TrainPieces(task_, action, Learning(dag_.project));
  }
  std::vector<TaskPiece> operator()(const estate::PredictTask& action) const {
    return PredictPieces(task_, action, Learning(ProjectOf(action.model)));
  }
  std::vector<TaskPiece> operator()(const estate::SplitTask& action) const {
    return SplitPieces(task_, action, Learning(dag_.project));
  }

 private:
  // Of the DAG that trains the model; its name is one in the whole estate.
  std::string ProjectOf(const std::string& model) const {
    for (const auto& [name, dag] : context_.estate.dags) {
      for (const estate::Task& task : dag.tasks) {
        const auto* train = std::get_if<estate::TrainTask>(&task.action);
        if (train != nullptr && train->model == model) return dag.project;
      }
    }
    return dag_.project;
  }
  LearningContext Learning(const std::string& project) const {
    LearningContext learning;
    learning.clock = &context_.clock;
    if (context_.owner != nullptr) {
      learning.warehouse = &context_.owner->warehouse();
      learning.lake = context_.owner->paths().lake;
    }
    learning.estate_folder = context_.estate.folder;
    learning.project = project;
    learning.worker = ThisProgramAsWorker();
    learning.values = [&context = context_, &dag = dag_](const Attempt& attempt) {
      return ValuesOf(context, dag, attempt);
    };
    learning.on_updated = context_.on_updated;
    return learning;
  }
  std::vector<TaskPiece> One(TaskWork work) const { return {{SpecOf(task_), std::move(work)}}; }

  const TaskContext& context_;
  const estate::Dag& dag_;
  const estate::Task& task_;
};

// A branch names tasks; what it keeps from running is their first pieces.
TaskWork ChoosingPieces(ThreadWork branch, const std::map<std::string, std::string>& first) {
  return [branch = std::move(branch), first](const Attempt& attempt, const std::stop_token& stop) {
    AttemptOutcome outcome = branch(attempt, stop);
    for (std::string& name : outcome.chosen) name = first.at(name);
    return outcome;
  };
}

}  // namespace

std::vector<std::string> TasksBefore(const estate::Estate& estate, const estate::Dag& dag,
                                     const estate::Task& task, const pipeline::ModelGraph& graph) {
  const std::set<TableAddress> reads = ReadBy(estate, task.action, graph);
  std::vector<std::string> before;
  for (const estate::Task& other : dag.tasks) {
    const bool declared =
        std::find(task.after.begin(), task.after.end(), other.name) != task.after.end();
    const auto written = WrittenBy(estate, other.action);
    const bool feeds = std::any_of(written.begin(), written.end(),
                                   [&](const auto& table) { return reads.contains(table); }) ||
                       Trains(other.action, task.action);
    const bool may_follow = other.name != task.name && !Follows(dag, other.name, task.name);
    if (declared || (feeds && may_follow)) before.push_back(other.name);
  }
  return before;
}

std::vector<estate::Finding> CheckDags(const estate::Estate& estate,
                                       const pipeline::ModelGraph& graph) {
  std::vector<estate::Finding> findings;
  for (const auto& [name, dag] : estate.dags) {
    std::vector<TaskSpec> specs;
    for (const estate::Task& task : dag.tasks) {
      specs.push_back(SpecOf(task));
      specs.back().after = TasksBefore(estate, dag, task, graph);
    }
    const auto made = TaskGraph::Make(specs);
    if (!made.ok()) findings.push_back({dag.mark, made.error().message()});
  }
  return findings;
}

bool NeedsModelGraph(const estate::Estate& estate) {
  return std::any_of(estate.dags.begin(), estate.dags.end(), [](const auto& named) {
    const auto& tasks = named.second.tasks;
    return std::any_of(tasks.begin(), tasks.end(), [](const estate::Task& task) {
      return std::holds_alternative<estate::ModelTask>(task.action);
    });
  });
}

std::vector<TaskPiece> PiecesOf(const TaskContext& context, const estate::Dag& dag,
                                const pipeline::ModelGraph& graph) {
  std::vector<TaskPiece> pieces;
  std::map<std::string, std::string> first;
  for (const estate::Task& task : dag.tasks) {
    std::vector<TaskPiece> made = std::visit(PieceMaker(context, dag, task), task.action);
    TaskSpec& head = made.front().spec;
    head.after = TasksBefore(context.estate, dag, task, graph);
    head.rule = task.rule;
    first[task.name] = head.name;
    const auto written = WrittenBy(context.estate, task.action);
    if (!written.empty()) made.back().spec.writes = written.front().ToString();
    for (TaskPiece& piece : made) pieces.push_back(std::move(piece));
  }
  for (TaskPiece& piece : pieces) {
    if (piece.spec.kind != "branch") continue;
    piece.work = ChoosingPieces(std::get<ThreadWork>(std::move(piece.work)), first);
  }
  return pieces;
}

}  // namespace afluente::orchestrator
