// DAGs and their tasks, from checked YAML.
#include <utility>

#include "estate/dag_values.h"
#include "estate/read.h"
#include "estate/read_values.h"

namespace afluente::estate {
namespace {

// A task with a table that is not sound has a finding already.
TableAddress TableAt(const YamlNode& node, YamlPath path) {
  return ReadTable(node, path).value_or(TableAddress{});
}

int CountAt(const YamlNode& node, YamlPath path, int fallback) {
  return static_cast<int>(ReadCount(node, path).value_or(fallback));
}

bool IsText(const YamlNode& node) { return node.kind == YamlNode::Kind::kScalar; }

CheckTask ReadCheck(const YamlNode& node) {
  return {.table = IsText(node) ? TableAt(node, {}) : TableAt(node, {"table"}),
          .tests = ReadDataTests(node)};
}

TrainTask ReadTrain(const YamlNode& node) {
  TrainTask task;
  task.model = ReadText(node, {"model"});
  task.table = TableAt(node, {"table"});
  task.label = ReadText(node, {"label"});
  task.key = ReadList(node, {"key"});
  task.features = ReadList(node, {"features"});
  task.group = ReadText(node, {"group"}, task.key.empty() ? "" : task.key.front());
  task.holdout = ReadNumber(node, {"holdout"}).value_or(task.holdout);
  task.parameters = ReadMap(node, {"parameters"});
  task.rounds = CountAt(node, {"rounds"}, task.rounds);
  task.min_auc = ReadNumber(node, {"min_auc"}).value_or(task.min_auc);
  return task;
}

PredictTask ReadPredict(const YamlNode& node) {
  PredictTask task;
  task.model = ReadText(node, {"model"});
  task.version = ReadText(node, {"version"});
  task.table = TableAt(node, {"table"});
  task.where = ReadText(node, {"where"});
  task.into = TableAt(node, {"into"});
  task.key = ReadList(node, {"key"});
  task.score = ReadText(node, {"score"}, task.score);
  return task;
}

SplitTask ReadSplit(const YamlNode& node) {
  SplitTask task;
  task.table = TableAt(node, {"table"});
  task.where = ReadText(node, {"where"});
  task.key = ReadList(node, {"key"});
  task.shards = CountAt(node, {"shards"}, task.shards);
  task.parallel = CountAt(node, {"parallel"}, task.parallel);
  task.command = ReadList(node, {"command"});
  task.into = ReadLake(node, {"into"}).value_or(LakeAddress{});
  if (const YamlNode* assign = node.Find({"assign"})) {
    Assignment& assignment = task.assign.emplace();
    assignment.experiment = ReadText(*assign, {"experiment"});
    assignment.strata = ReadList(*assign, {"strata"});
    if (const YamlNode* arms = assign->Find({"arms"})) {
      for (const YamlEntry& arm : arms->entries) {
        assignment.arms.emplace(arm.key, ReadNumber(arm.value, {}).value_or(0));
      }
    }
  }
  return task;
}

HttpTask ReadHttp(const YamlNode& node) {
  HttpTask task;
  task.mark = node.mark;
  if (IsText(node)) {
    task.url = node.text;
    return task;
  }
  task.url = ReadText(node, {"url"});
  task.method = ReadText(node, {"method"}, task.method);
  task.headers = ReadMap(node, {"headers"});
  task.body = ReadText(node, {"body"});
  if (const YamlNode* expect = node.Find({"expect"})) {
    for (const YamlNode& code : expect->items) task.expect.push_back(CountAt(code, {}, 0));
  }
  return task;
}

CommandTask ReadCommand(const YamlNode& node) {
  const bool is_list = node.kind == YamlNode::Kind::kList;
  return {.arguments = is_list ? ReadList(node, {}) : ReadList(node, {"arguments"}),
          .environment = ReadMap(node, {"environment"}),
          .folder = ReadText(node, {"folder"}),
          .mark = node.mark};
}

SensorTask ReadSensor(const YamlNode& node) {
  SensorTask task;
  task.mark = node.mark;
  task.table = ReadTable(node, {"table"});
  task.max_age = ReadDuration(node, {"max_age"}).value_or(task.max_age);
  task.file = ReadText(node, {"file"});
  task.url = ReadText(node, {"url"});
  task.every = ReadDuration(node, {"every"}).value_or(task.every);
  task.soft = ReadFlag(node, {"soft"});
  return task;
}

DagTask ReadDagTask(const YamlNode& node) {
  if (IsText(node)) return {.dag = node.text, .params = {}};
  return {.dag = ReadText(node, {"dag"}), .params = ReadMap(node, {"params"})};
}

// Nothing when the task has no sound action, which is a finding already.
std::optional<TaskAction> ReadAction(const YamlNode& node) {
  if (const YamlNode* name = node.Find({"integration"})) return IntegrationTask{name->text};
  if (node.Find({"model"}) != nullptr) return ModelTask{TableAt(node, {"model"})};
  if (const YamlNode* sql = node.Find({"sql"})) {
    SqlTask task{sql->text, "", {}, sql->mark};
    for (const std::string& text : ReadList(node, {"writes"})) {
      if (auto table = ParseTableAddress(text); table.ok()) {
        task.writes.push_back(std::move(table).value());
      }
    }
    return task;
  }
  if (const YamlNode* check = node.Find({"check"})) return ReadCheck(*check);
  if (const YamlNode* train = node.Find({"train"})) return ReadTrain(*train);
  if (const YamlNode* predict = node.Find({"predict"})) return ReadPredict(*predict);
  if (const YamlNode* split = node.Find({"split"})) return ReadSplit(*split);
  if (const YamlNode* http = node.Find({"http"})) return ReadHttp(*http);
  if (const YamlNode* command = node.Find({"command"})) return ReadCommand(*command);
  if (const YamlNode* sensor = node.Find({"sensor"})) return ReadSensor(*sensor);
  if (const YamlNode* branch = node.Find({"branch"})) return BranchTask{branch->text, branch->mark};
  if (const YamlNode* dag = node.Find({"dag"})) return ReadDagTask(*dag);
  return std::nullopt;
}

std::optional<Task> ReadTask(const YamlEntry& entry, const Dag& dag, const TaskPolicy& defaults) {
  const YamlNode& node = entry.value;
  if (node.kind != YamlNode::Kind::kMap) return std::nullopt;
  auto action = ReadAction(node);
  if (!action) return std::nullopt;
  Task task;
  task.name = entry.key;
  task.mark = entry.mark;
  task.action = *std::move(action);
  task.after = ReadList(node, {"after"});
  task.rule = ReadWord<TriggerRule>(node, {"rule"}).value_or(task.rule);
  TaskPolicy base = defaults;
  // What a DAG says of all its tasks goes before what integrations and models do by themselves.
  const bool moves_data = std::holds_alternative<IntegrationTask>(task.action) ||
                          std::holds_alternative<ModelTask>(task.action);
  if (moves_data && base.retry.retries == 0 && base.retry.retry_on.empty()) {
    base.retry.retries = AgainWhenTransient().retry.retries;
    base.retry.retry_on = AgainWhenTransient().retry.retry_on;
  }
  task.policy = ReadTaskPolicy(node, base);
  if (auto* sql = std::get_if<SqlTask>(&task.action)) sql->project = dag.project;
  return task;
}

// By how its default looks, when that is all that is said.
ParameterType TypeOf(const YamlNode& node) {
  if (!node.plain) return ParameterType::kText;
  for (const ParameterType type : {ParameterType::kInteger, ParameterType::kNumber,
                                   ParameterType::kFlag, ParameterType::kDate}) {
    if (ParameterProblem(type, node.text).empty()) return type;
  }
  return ParameterType::kText;
}

Parameter ReadParameter(const YamlNode& node) {
  Parameter parameter;
  if (IsText(node)) {
    parameter.type = TypeOf(node);
    parameter.fallback = node.text;
    return parameter;
  }
  parameter.type = ReadWord<ParameterType>(node, {"type"}).value_or(parameter.type);
  if (const YamlNode* fallback = node.Find({"default"})) parameter.fallback = fallback->text;
  parameter.description = ReadText(node, {"description"});
  return parameter;
}

}  // namespace

Dag ReadDag(const YamlNode& node, const Estate& estate) {
  Dag dag;
  dag.name = ReadText(node, {"dag"});
  dag.mark = node.MarkOf({"dag"});
  dag.description = ReadText(node, {"description"});
  dag.project = ReadText(node, {"project"});
  dag.trigger = ReadTrigger(node, Source{}, estate);
  dag.runs = ReadRunPolicy(node);
  if (const YamlNode* params = node.Find({"params"})) {
    for (const YamlEntry& entry : params->entries) {
      if (entry.value.sound) dag.params.emplace(entry.key, ReadParameter(entry.value));
    }
  }
  const YamlNode* defaults = node.Find({"defaults"});
  const TaskPolicy policy =
      defaults == nullptr ? TaskPolicy{} : ReadTaskPolicy(*defaults, TaskPolicy{});
  if (const YamlNode* tasks = node.Find({"tasks"})) {
    for (const YamlEntry& entry : tasks->entries) {
      if (auto task = ReadTask(entry, dag, policy)) dag.tasks.push_back(*std::move(task));
    }
  }
  dag.service_account = ReadText(node, {"service_account"});
  dag.sla = ReadSla(node);
  dag.owner = ReadText(node, {"owner"});
  dag.tags = ReadList(node, {"tags"});
  return dag;
}

}  // namespace afluente::estate
