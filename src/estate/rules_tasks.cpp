#include "estate/rules_tasks.h"

#include <algorithm>
#include <chrono>

#include "base/names.h"
#include "estate/dag_values.h"
#include "estate/read_values.h"
#include "estate/scalars.h"
#include "estate/train_parameters.h"

namespace afluente::estate {
namespace {

using namespace std::chrono_literals;

constexpr int kShardsMax = 1024;

template <class T>
bool Contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

class TaskCheck {
 public:
  TaskCheck(const DagScope& scope, const Task& task, const std::vector<std::string>& names)
      : scope_(scope),
        task_(task),
        names_(names),
        node_(*scope.doc.node->Find({"tasks", task.name})) {}

  void Check() {
    CheckAfter();
    CheckPolicy(scope_.docs, task_.policy, node_, scope_.findings);
    if (!std::holds_alternative<SqlTask>(task_.action) && node_.Find({"writes"}) != nullptr) {
      Report({"writes"}, "writes goes with sql: what else writes a table is known");
    }
    std::visit([this](const auto& action) { CheckAction(action); }, task_.action);
  }

 private:
  void Report(YamlPath path, std::string message) {
    scope_.findings.push_back(
        {node_.MarkOf(path), "task " + task_.name + ": " + std::move(message)});
  }

  void ReportUnknown(YamlPath path, const std::string& what, const std::string& name,
                     const std::vector<std::string>& known) {
    Report(path, "no " + what + " \"" + name + "\"" + DidYouMean(name, known));
  }

  void CheckAfter() {
    for (const std::string& before : task_.after) {
      if (before == task_.name) {
        Report({"after"}, "after names the task itself: remove it");
      } else if (!Contains(names_, before)) {
        ReportUnknown({"after"}, "task", before, names_);
      }
    }
    if (task_.after.empty() && node_.Find({"rule"}) != nullptr && node_.Lacks({"after"})) {
      Report({"rule"}, "rule is about the tasks before it: name them under \"after\"");
    }
  }

  void CheckTable(YamlPath path, const TableAddress& table) {
    CheckProject(scope_.projects, node_.MarkOf(path), "task " + task_.name, table.project,
                 scope_.findings);
  }

  // Every {{ ... }} of a text names something that a run of the DAG has.
  void CheckTemplates(YamlPath path, const std::string& text, Quoting quoting) {
    std::map<std::string, std::string> params;
    for (const auto& [name, parameter] : scope_.doc.dag.params) params.emplace(name, "");
    const TemplateValues known =
        DagValues(scope_.docs.estate, scope_.doc.dag, {"", ""}, "", params);
    std::vector<std::string> names;
    for (const auto& [name, value] : known) names.push_back(name);
    TemplateParts found = References(text, quoting);
    for (TemplateProblem& problem : found.problems) Report(path, std::move(problem.message));
    for (const TemplatePart& part : found.parts) {
      if (part.ref || known.contains(part.name)) continue;
      Report(path, "nothing here has the name \"" + part.name + "\"; expected one of " +
                       JoinNames(names) + DidYouMean(part.name, names));
    }
  }

  void CheckAction(const IntegrationTask& action) {
    for (const IntegrationDoc& doc : scope_.docs.integrations) {
      const Integration& integration = doc.integration;
      if (integration.name != action.integration) continue;
      const bool runs_on = integration.mode == Mode::kCdc || integration.mode == Mode::kStream ||
                           !integration.source.topic.empty() || !integration.source.webhook.empty();
      if (!runs_on) return;
      return Report({"integration"}, action.integration +
                                         " follows its source all the time and has no runs: wait "
                                         "for its table with a sensor instead");
    }
    std::vector<std::string> known;
    for (const IntegrationDoc& doc : scope_.docs.integrations) {
      known.push_back(doc.integration.name);
    }
    ReportUnknown({"integration"}, "integration", action.integration, known);
  }

  void CheckAction(const ModelTask& action) {
    if (action.table.table.empty()) return;
    std::vector<std::string> known;
    for (const ModelDoc& doc : scope_.docs.models) {
      if (doc.model.table == action.table) return;
    }
    for (const ModelDoc& doc : scope_.docs.models) known.push_back(doc.model.table.ToString());
    ReportUnknown({"model"}, "model", action.table.ToString(), known);
  }

  void CheckAction(const SqlTask& action) {
    CheckTemplates({"sql"}, action.sql, Quoting::kSql);
    if (scope_.doc.dag.project.empty() && scope_.doc.node->Lacks({"project"})) {
      Report({"sql"}, "statements write one project: add \"project: NAME\" to the DAG");
    }
    for (const TableAddress& table : action.writes) {
      CheckTable({"writes"}, table);
      if (action.project.empty() || table.project == action.project) continue;
      Report({"writes"}, "statements write project " + action.project + ", the DAG's, and " +
                             table.ToString() + " is in another one");
    }
  }

  void CheckAction(const CheckTask& action) {
    CheckTable({"check"}, action.table);
    bool has_tests = !action.tests.empty();
    for (const ModelDoc& doc : scope_.docs.models) {
      has_tests = has_tests || (doc.model.table == action.table && !doc.model.tests.empty());
    }
    if (!has_tests && !action.table.table.empty()) {
      Report({"check"}, action.table.ToString() +
                            " has no tests: add \"tests\" here or to its "
                            "model");
    }
  }

  void CheckAction(const TrainTask& action) {
    CheckTable({"train", "table"}, action.table);
    if (Contains(action.key, action.label)) {
      Report({"train", "label"}, "the label is part of the key: what is learned names no example");
    }
    if (Contains(action.features, action.label)) {
      Report({"train", "features"}, "the label is among the features, which would give it away");
    }
    if (action.rounds < 1) Report({"train", "rounds"}, "expected at least 1 round");
    if (action.holdout <= 0 || action.holdout >= 1) {
      Report({"train", "holdout"}, "expected a share between 0 and 1, neither included");
    }
    for (const auto& [name, value] : action.parameters) {
      const std::string problem = TrainParameterProblem(name, value);
      if (!problem.empty()) Report({"train", "parameters"}, problem);
    }
  }

  void CheckAction(const PredictTask& action) {
    CheckTable({"predict", "table"}, action.table);
    CheckTable({"predict", "into"}, action.into);
    CheckTemplates({"predict", "where"}, action.where, Quoting::kSql);
    std::vector<std::string> known;
    for (const DagDoc& doc : scope_.docs.dags) {
      for (const Task& task : doc.dag.tasks) {
        if (const auto* train = std::get_if<TrainTask>(&task.action)) known.push_back(train->model);
      }
    }
    if (action.model.empty() || Contains(known, action.model)) return;
    ReportUnknown({"predict", "model"}, "train task makes a model", action.model, known);
  }

  void CheckAction(const SplitTask& action) {
    CheckTable({"split", "table"}, action.table);
    CheckTemplates({"split", "where"}, action.where, Quoting::kSql);
    CheckProject(scope_.projects, node_.MarkOf({"split", "into"}), "task " + task_.name,
                 action.into.project, scope_.findings);
    const YamlNode* split = node_.Find({"split"});
    if (split->Lacks({"command"}) == split->Lacks({"assign"})) {
      Report({"split"}, "expected exactly one of command, assign");
    }
    if (action.shards < 1 || action.shards > kShardsMax) {
      Report({"split", "shards"}, "expected from 1 to " + std::to_string(kShardsMax) + " shards");
    }
    if (action.parallel < 1) Report({"split", "parallel"}, "expected at least 1 at a time");
    for (const std::string& argument : action.command) {
      CheckTemplates({"split", "command"}, argument, Quoting::kPlain);
    }
    if (!action.assign) return;
    if (action.assign->arms.size() < 2) Report({"split", "assign"}, "expected at least two arms");
    for (const auto& [arm, weight] : action.assign->arms) {
      if (weight > 0) continue;
      Report({"split", "assign"}, "arm " + arm + " has the weight 0: remove it, or give it more");
    }
  }

  void CheckAction(const HttpTask& action) {
    CheckTemplates({"http"}, action.url, Quoting::kPlain);
    CheckTemplates({"http"}, action.body, Quoting::kPlain);
    for (const auto& [name, value] : action.headers) {
      CheckTemplates({"http"}, value, Quoting::kPlain);
    }
    for (const int code : action.expect) {
      if (code >= 100 && code <= 599) continue;
      Report({"http", "expect"}, std::to_string(code) + " is no status code");
    }
  }

  void CheckAction(const CommandTask& action) {
    if (action.arguments.empty() || action.arguments.front().empty()) {
      return Report({"command"}, "expected a program and its arguments");
    }
    for (const std::string& argument : action.arguments) {
      CheckTemplates({"command"}, argument, Quoting::kPlain);
    }
    for (const auto& [name, value] : action.environment) {
      CheckTemplates({"command"}, value, Quoting::kPlain);
    }
  }

  void CheckAction(const SensorTask& action) {
    if (action.table) CheckTable({"sensor", "table"}, *action.table);
    CheckTemplates({"sensor"}, action.file, Quoting::kPlain);
    CheckTemplates({"sensor"}, action.url, Quoting::kPlain);
    if (action.every < 1s) Report({"sensor", "every"}, "expected at least 1s");
    const bool has_age = node_.Find({"sensor", "max_age"}) != nullptr;
    if (has_age && !action.table) Report({"sensor", "max_age"}, "max_age is about a table");
    if (action.soft && task_.policy.timeout == 0ms) {
      Report({"sensor", "soft"}, "soft says what happens at the timeout: add \"timeout\"");
    }
  }

  void CheckAction(const BranchTask& action) {
    CheckTemplates({"branch"}, action.sql, Quoting::kSql);
    for (const Task& other : scope_.doc.dag.tasks) {
      if (Contains(other.after, task_.name)) return;
    }
    Report({"branch"}, "no task comes after it, so it has nothing to choose");
  }

  void CheckAction(const DagTask& action) {
    std::vector<std::string> known;
    for (const DagDoc& doc : scope_.docs.dags) {
      known.push_back(doc.dag.name);
      if (doc.dag.name != action.dag) continue;
      for (const auto& [name, value] : action.params) {
        CheckTemplates({"dag"}, value, Quoting::kPlain);
      }
      const auto filled = FillParameters(doc.dag, action.params);
      const bool is_plain = std::none_of(
          action.params.begin(), action.params.end(),
          [](const auto& param) { return param.second.find("{{") != std::string::npos; });
      if (!filled.ok() && is_plain) Report({"dag"}, filled.error().message());
      return;
    }
    ReportUnknown({"dag"}, "DAG", action.dag, known);
  }

  const DagScope& scope_;
  const Task& task_;
  const std::vector<std::string>& names_;
  const YamlNode& node_;
};

}  // namespace

void CheckTasks(const DagScope& scope) {
  std::vector<std::string> names;
  if (const YamlNode* tasks = scope.doc.node->Find({"tasks"})) {
    for (const YamlEntry& entry : tasks->entries) names.push_back(entry.key);
  }
  for (const Task& task : scope.doc.dag.tasks) TaskCheck(scope, task, names).Check();
}

}  // namespace afluente::estate
