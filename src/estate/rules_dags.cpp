// DAGs as a whole: triggers, parameters, pools, circles.
#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "base/names.h"
#include "estate/dag_values.h"
#include "estate/read_values.h"
#include "estate/rules.h"
#include "estate/rules_tasks.h"

namespace afluente::estate {
namespace {

void CheckTrigger(const DagDoc& doc, std::vector<Finding>& findings) {
  const Trigger& trigger = doc.dag.trigger;
  const bool is_event =
      trigger.kind == Trigger::Kind::kContinuous || trigger.kind == Trigger::Kind::kChange ||
      trigger.kind == Trigger::Kind::kWebhook || trigger.kind == Trigger::Kind::kTopic;
  if (is_event) {
    findings.push_back({trigger.mark,
                        "a DAG runs on a schedule, on an asset, or when somebody asks: expected a "
                        "schedule, or \"on: asset\" with a table"});
  } else if (trigger.kind == Trigger::Kind::kAsset && trigger.subject.empty()) {
    findings.push_back({trigger.mark, "trigger needs the key \"table\": the table to watch"});
  }
}

void CheckParameters(const DagDoc& doc, std::vector<Finding>& findings) {
  const Dag& dag = doc.dag;
  for (const auto& [name, parameter] : dag.params) {
    const Mark mark = doc.node->MarkOf({"params", name});
    if (!parameter.fallback) {
      if (dag.trigger.kind == Trigger::Kind::kNone) continue;
      findings.push_back({mark, "parameter " + name +
                                    " has no default, and its trigger has nobody to ask: add "
                                    "\"default: VALUE\""});
      continue;
    }
    const std::string problem = ParameterProblem(parameter.type, *parameter.fallback);
    if (problem.empty()) continue;
    findings.push_back({mark, "parameter " + name + ": the default \"" + *parameter.fallback +
                                  "\" does not fit its type, " +
                                  std::string(NameOf(parameter.type)) + ": " + problem});
  }
}

using Edges = std::map<std::string, std::vector<std::string>>;

// A circle among `edges`, as "a -> b -> a"; "" without one.
std::string FindCircle(const Edges& edges) {
  std::set<std::string> done;
  std::vector<std::string> path;
  std::string circle;
  const std::function<void(const std::string&)> visit = [&](const std::string& name) {
    if (!circle.empty() || done.contains(name)) return;
    const auto on_path = std::find(path.begin(), path.end(), name);
    if (on_path != path.end()) {
      for (auto step = on_path; step != path.end(); ++step) circle += *step + " -> ";
      circle += name;
      return;
    }
    path.push_back(name);
    if (const auto next = edges.find(name); next != edges.end()) {
      for (const std::string& one : next->second) visit(one);
    }
    path.pop_back();
    done.insert(name);
  };
  for (const auto& [name, next] : edges) visit(name);
  return circle;
}

void CheckTaskCircle(const Dag& dag, std::vector<Finding>& findings) {
  Edges edges;
  for (const Task& task : dag.tasks) {
    for (const std::string& before : task.after) {
      if (before != task.name) edges[before].push_back(task.name);
    }
  }
  const std::string circle = FindCircle(edges);
  if (circle.empty()) return;
  findings.push_back({dag.mark, "its tasks wait for each other in a circle: " + circle +
                                    "; remove one of these from an \"after\""});
}

void CheckDagCircle(const EstateDocs& docs, std::vector<Finding>& findings) {
  Edges edges;
  for (const DagDoc& doc : docs.dags) {
    for (const Task& task : doc.dag.tasks) {
      if (const auto* run = std::get_if<DagTask>(&task.action)) {
        edges[doc.dag.name].push_back(run->dag);
      }
    }
  }
  const std::string circle = FindCircle(edges);
  if (circle.empty()) return;
  const std::string first = circle.substr(0, circle.find(' '));
  for (const DagDoc& doc : docs.dags) {
    if (doc.dag.name != first) continue;
    findings.push_back({doc.dag.mark, "DAGs run each other in a circle: " + circle});
    return;
  }
}

}  // namespace

void CheckPolicy(const EstateDocs& docs, const TaskPolicy& policy, const YamlNode& node,
                 std::vector<Finding>& findings) {
  if (node.Find({"pool"}) == nullptr || !docs.root) return;
  const Mark& mark = node.MarkOf({"pool"});
  const auto pool = docs.estate.pools.find(policy.pool);
  if (pool == docs.estate.pools.end()) {
    if (!docs.root->Lacks({"pools", policy.pool})) return;  // Broken, which is a finding already.
    std::vector<std::string> names;
    for (const auto& [name, slots] : docs.estate.pools) names.push_back(name);
    findings.push_back({mark, "no pool \"" + policy.pool +
                                  "\" is declared under pools of estate.yaml" +
                                  DidYouMean(policy.pool, names)});
  } else if (policy.slots < 1 || policy.slots > pool->second) {
    findings.push_back({mark, "pool " + policy.pool + " has " + std::to_string(pool->second) +
                                  " slots: expected from 1 to " + std::to_string(pool->second) +
                                  ", not " + std::to_string(policy.slots)});
  }
}

void CheckDagRules(const EstateDocs& docs, const std::optional<std::vector<std::string>>& projects,
                   std::vector<Finding>& findings) {
  for (const DagDoc& doc : docs.dags) {
    if (doc.node->Find({"project"}) != nullptr) {
      CheckProject(projects, doc.node->MarkOf({"project"}), "project", doc.dag.project, findings);
    }
    CheckTrigger(doc, findings);
    CheckSchedules(docs, doc.dag.trigger, *doc.node, findings);
    CheckParameters(doc, findings);
    if (const YamlNode* defaults = doc.node->Find({"defaults"})) {
      CheckPolicy(docs, ReadTaskPolicy(*defaults, {}), *defaults, findings);
    }
    const YamlNode* tasks = doc.node->Find({"tasks"});
    if (tasks != nullptr && tasks->entries.empty()) {
      findings.push_back({tasks->mark, "tasks is empty: a DAG has at least one"});
    }
    CheckTasks({docs, doc, projects, findings});
    CheckTaskCircle(doc.dag, findings);
  }
  CheckDagCircle(docs, findings);
}

}  // namespace afluente::estate
