// Tasks that run in an order of their own, as one job.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "estate/address.h"
#include "estate/job.h"
#include "estate/model.h"
#include "estate/trigger.h"

namespace afluente::estate {

/// Texts of tasks are templates: {{ interval.start }}, {{ params.NAME }}, {{ env }}. Their values
/// are put in when an attempt begins.

struct IntegrationTask {
  std::string integration;
};

struct ModelTask {
  TableAddress table;
};

/// Statements on the warehouse, in one transaction.
struct SqlTask {
  std::string sql;
  std::string project;               // Whose file they may write; the DAG's.
  std::vector<TableAddress> writes;  // What they make, as the task says.
  Mark mark;
};

/// Data tests of a table as it stands.
struct CheckTask {
  TableAddress table;
  std::vector<DataTest> tests;  // Beside those of the table's model.
};

/// A model of machine learning, fitted on a table.
struct TrainTask {
  std::string model;                  // Names its versions in the lake.
  TableAddress table;                 // A row an example; rows whose label is NULL are left out.
  std::string label;                  // A column: BOOLEAN, or a number that is 0 or 1.
  std::vector<std::string> key;       // Columns that identify an example; never features.
  std::vector<std::string> features;  // Empty: all columns but label and key.
  std::string group;                  // Examples with the same value are never on both sides of the
                                      // hold-out. Empty: the first column of the key.
  double holdout = 0.2;               // The share of groups that the metrics are taken on.
  std::map<std::string, std::string> parameters;  // Of the engine, such as max_depth.
  int rounds = 200;                               // Of boosting, at most.
  double min_auc = 0;                             // Below it the version is not published.
};

/// Scores of rows by a model that a train task made.
struct PredictTask {
  std::string model;
  std::string version;  // Empty: the newest.
  TableAddress table;
  std::string where;  // Only rows that meet it.
  TableAddress into;
  std::vector<std::string> key;  // Columns that go along; they identify a row of `into`.
  std::string score = "score";   // The column of `into` with the probability.
};

/// Arms of an experiment. The same key always gets the same arm while seed, arms and strata stay.
struct Assignment {
  std::string experiment;              // The seed.
  std::map<std::string, double> arms;  // By name, its weight.
  std::vector<std::string> strata;     // Columns in whose every combination the arms are balanced.
};

/// A dataset cut by key into shards, each the work of a process, whose results are one set of
/// Parquet files in the lake.
struct SplitTask {
  TableAddress table;
  std::string where;
  std::vector<std::string> key;
  int shards = 4;
  int parallel = 2;                  // Shards at a time.
  std::vector<std::string> command;  // Either this ...
  std::optional<Assignment> assign;  // ... or this.
  LakeAddress into;
};

struct HttpTask {
  std::string url;  // ${env:NAME} allowed, as in the values of headers and the body.
  std::string method = "GET";
  std::map<std::string, std::string> headers;
  std::string body;
  std::vector<int> expect;  // Status codes that count as success; empty: 200 to 299.
  Mark mark;
};

/// A child process; no shell reads its arguments.
struct CommandTask {
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;
  std::string folder;  // Where it runs, relative to the estate. Empty: the estate.
  Mark mark;
};

/// Waits, without holding a slot, until something is there. Exactly one of the three is set.
struct SensorTask {
  std::optional<TableAddress> table;  // Updated since the interval's end, or within max_age.
  std::chrono::milliseconds max_age{0};
  std::string file;  // Relative to the estate.
  std::string url;   // Answers with 200 to 299.
  std::chrono::milliseconds every{30'000};
  bool soft = false;  // At the timeout the task is skipped instead of failed.
  Mark mark;
};

/// Chooses which of the tasks right after it run.
struct BranchTask {
  std::string sql;  // A SELECT whose first column names them, a row a task.
  Mark mark;
};

/// A run of another DAG.
struct DagTask {
  std::string dag;
  std::map<std::string, std::string> params;
};

using TaskAction =
    std::variant<IntegrationTask, ModelTask, SqlTask, CheckTask, TrainTask, PredictTask, SplitTask,
                 HttpTask, CommandTask, SensorTask, BranchTask, DagTask>;

/// The key that names the action in YAML: "integration", "model", "sql", ...
std::string_view NameOf(const TaskAction& action);

struct Task {
  std::string name;  // Unique in its DAG.
  TaskAction action;
  std::vector<std::string> after;
  TriggerRule rule = TriggerRule::kAllSuccess;
  TaskPolicy policy;
  Mark mark;
};

enum class ParameterType : std::uint8_t { kText, kInteger, kNumber, kFlag, kDate };
std::string_view NameOf(ParameterType type);

/// What a run may be told.
struct Parameter {
  ParameterType type = ParameterType::kText;
  std::optional<std::string> fallback;  // Without one, whoever triggers must say it.
  std::string description;
};

struct Dag {
  std::string name;
  std::string description;
  std::string project;
  Trigger trigger;
  RunPolicy runs;
  std::map<std::string, Parameter> params;
  std::vector<Task> tasks;  // In the order of the file.
  std::string service_account;
  std::optional<Sla> sla;
  std::string owner;
  std::vector<std::string> tags;
  Mark mark;  // Of the name.
};

}  // namespace afluente::estate
