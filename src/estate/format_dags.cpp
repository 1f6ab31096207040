// What the format says of DAGs and their tasks.
#include "estate/format_fields.h"

namespace afluente::estate {
namespace {

Shape CheckTaskShape() {
  return OneOf("check",
               {Scalar(kWarehouseTable),
                Object("check_table", {Required("table", Scalar(kWarehouseTable), "The table."),
                                       Optional("tests", ListOf(DataTestShape()),
                                                "Tests beside those of the table's model.")})});
}

Shape TrainShape() {
  return Object(
      "train",
      {Required("model", Scalar(kName), "The name under which its versions stand in the lake."),
       Required("table", Scalar(kWarehouseTable),
                "What it learns from, a row an example; rows whose label is NULL are left out."),
       Required("label", Scalar(kColumnName),
                "What it learns: a column of true and false, or 1 and 0."),
       Required("key", OneOrList(kColumnName), "Columns that name an example; never features."),
       Optional("features", ListOf(Scalar(kColumnName)), "The columns it learns by.",
                "all but label and key"),
       Optional("group", Scalar(kColumnName),
                "Examples with the same value are all learned from or all held out.",
                "the first column of the key"),
       Optional("holdout", Scalar(kShare), "The share that is held out, to take the metrics on.",
                "0.2"),
       Optional("rounds", Scalar(kCount), "Rounds of boosting, at most.", "200"),
       Optional("parameters", MapOf(kParameterName, Scalar(kNumber)),
                "Of the engine, such as max_depth."),
       Optional("min_auc", Scalar(kShare),
                "A version with a lower AUC on what is held out is not published.", "0")});
}

Shape PredictShape() {
  return Object(
      "predict",
      {Required("model", Scalar(kName), "What a train task of that name made."),
       Optional("version", Scalar(kText), "Which version.", "the newest"),
       Required("table", Scalar(kWarehouseTable), "The rows to score."),
       Optional("where", Scalar(kCondition), "Only rows that meet this condition are scored."),
       Required("into", Scalar(kWarehouseTable),
                "Where the scores go; it has the rows of the last run and no others."),
       Required("key", OneOrList(kColumnName), "Columns that go along and name a row of `into`."),
       Optional("score", Scalar(kColumnName), "The column with the probability.", "score")});
}

Shape AssignShape() {
  return Object(
      "assign",
      {Required("experiment", Scalar(kText), "The experiment's name; another one, other arms."),
       Required("arms", MapOf(kTaskName, Scalar(kNumber)), "The arms, each with its weight."),
       Optional("strata", ListOf(Scalar(kColumnName)),
                "Columns in whose every combination the arms are balanced.")});
}

Shape SplitShape() {
  return Object(
      "split",
      {Required("table", Scalar(kWarehouseTable), "The dataset."),
       Optional("where", Scalar(kCondition), "Only rows that meet this condition."),
       Required("key", OneOrList(kColumnName), "Rows with the same key are in the same shard."),
       Optional("shards", Scalar(kCount), "Into how many parts it is cut.", "4"),
       Optional("parallel", Scalar(kCount), "How many are worked on at a time.", "2"),
       Optional("command", ListOf(Scalar(kArgument)),
                "What each shard is given to: it reads the Parquet file AFLUENTE_INPUT and writes "
                "AFLUENTE_OUTPUT."),
       Optional("assign", AssignShape(), "Instead of a command: arms of an experiment."),
       Required("into", Scalar(kLakeAddress), "Where the results stand together.")});
}

Shape HttpShape() {
  return OneOf(
      "http",
      {Scalar(kUrl),
       Object(
           "http_request",
           {Required("url", Scalar(kUrl), "Where it goes."),
            Optional("method",
                     Words("http_method",
                           {{"GET", ""}, {"POST", ""}, {"PUT", ""}, {"PATCH", ""}, {"DELETE", ""}}),
                     "The method.", "GET"),
            Optional("headers", MapOf(kText, Scalar(kContent)), "Header fields."),
            Optional("body", Scalar(kContent), "What is sent."),
            Optional("expect", ListOf(Scalar(kCount)), "Status codes that mean success.",
                     "200 to 299")})});
}

Shape CommandShape() {
  return OneOf("command",
               {ListOf(Scalar(kArgument)),
                Object("command_process",
                       {Required("arguments", ListOf(Scalar(kArgument)),
                                 "The program and its arguments; no shell reads them."),
                        Optional("environment", MapOf(kVariable, Scalar(kContent)),
                                 "Environment variables beside those of the service."),
                        Optional("folder", Scalar(kPath), "Where it runs, relative to the estate.",
                                 "the estate's folder")})});
}

Shape SensorShape() {
  return Object(
      "sensor",
      {Optional("table", Scalar(kWarehouseTable),
                "Waits until a job has written this table at or after the end of the interval."),
       Optional("file", Scalar(kPath),
                "Waits for a file, relative to the estate; may hold `{{ ... }}`."),
       Optional("url", Scalar(kUrl), "Waits until it answers with 200 to 299."),
       Optional("max_age", Scalar(kDuration), "table: written no longer ago than this is enough."),
       Optional("every", Scalar(kDuration), "How often it looks.", "30s"),
       Optional("soft", Scalar(kFlag),
                "true: when the timeout comes it is skipped instead of failed.", "false")},
      {"table", "file", "url"});
}

Shape DagTaskShape() {
  return OneOf("dag_run",
               {Scalar(kName), Object("dag_with_params",
                                      {Required("dag", Scalar(kName), "The DAG."),
                                       Optional("params", MapOf(kParameterName, Scalar(kContent)),
                                                "What its run is told.")})});
}

Shape TaskShape() {
  std::vector<Field> fields = {
      Optional("integration", Scalar(kName), "Runs an integration."),
      Optional("model", Scalar(kWarehouseTable), "Builds a model."),
      Optional(
          "sql", Scalar(kStatements),
          "Statements on the warehouse, in one transaction; they may write the DAG's project."),
      Optional("writes", OneOrList(kWarehouseTable),
               "sql: the tables that the statements make. What reads one of them runs after this "
               "task, models may read it, and what is triggered by it runs."),
      Optional("check", CheckTaskShape(), "Data tests of a table as it stands."),
      Optional("train", TrainShape(), "Fits a model of machine learning."),
      Optional("predict", PredictShape(), "Scores rows by it."),
      Optional("split", SplitShape(), "Cuts a table into shards, each the work of a process."),
      Optional("http", HttpShape(), "A request over HTTP."),
      Optional("command", CommandShape(), "A process. Exit code 99 means that it was not needed."),
      Optional("sensor", SensorShape(), "Waits until something is there, without holding a slot."),
      Optional("branch", Scalar(kSelect),
               "A SELECT whose first column names which of the tasks right after it run; the "
               "others are skipped."),
      Optional("dag", DagTaskShape(), "A run of another DAG, for the same interval."),
      Optional("after", OneOrList(kTaskName),
               "Tasks that end before it begins, beside those that write what it reads."),
      Optional("rule", WordsOf<TriggerRule>("rule"), "Which ends of theirs let it run.",
               "all_success")};
  for (Field& field : TaskPolicyFields()) fields.push_back(std::move(field));
  return Object("task", std::move(fields),
                {"integration", "model", "sql", "check", "train", "predict", "split", "http",
                 "command", "sensor", "branch", "dag"});
}

Shape ParameterShape() {
  return OneOf(
      "parameter",
      {Scalar(kContent),
       Object(
           "typed_parameter",
           {Required("type", WordsOf<ParameterType>("parameter_type"), "What it may be."),
            Optional("default", Scalar(kContent), "Without one, who triggers a run must say it."),
            Optional("description", Scalar(kText), "What it is for.")})});
}

Shape MakeDagShape() {
  return Object(
      "dag",
      WithJobKeys(
          {Required("dag", Scalar(kName), "The DAG's name, unique among all jobs of the estate."),
           Optional("description", Scalar(kText), "What it is for, in a sentence."),
           Optional("project", Scalar(kProjectName), "The project that it belongs to."),
           Optional("trigger", TriggerShape(), "When it runs."),
           Optional("params", MapOf(kParameterName, ParameterShape()),
                    "What a run may be told; `{{ params.NAME }}` in its texts. A text alone is the "
                    "default."),
           Optional("defaults", Object("task_defaults", TaskPolicyFields()),
                    "How its tasks are tried that do not say it themselves."),
           Required("tasks", MapOf(kTaskName, TaskShape()), "Its tasks, by name.")},
          false));
}

}  // namespace

const Shape& DagShape() {
  static const Shape kShape = MakeDagShape();
  return kShape;
}

const Shape& DagFileShape() {
  static const Shape kShape = OneOf("dags", {MakeDagShape(), ListOf(MakeDagShape())});
  return kShape;
}

}  // namespace afluente::estate
