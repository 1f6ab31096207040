#include "orchestrator/scheduler/task_graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/names.h"

namespace afluente::orchestrator {
namespace {

struct StateName {
  TaskState state;
  std::string_view name;
};
constexpr std::array kNames = {
    StateName{TaskState::kWaiting, "waiting"},
    StateName{TaskState::kReady, "ready"},
    StateName{TaskState::kRunning, "running"},
    StateName{TaskState::kRetrying, "retrying"},
    StateName{TaskState::kSucceeded, "succeeded"},
    StateName{TaskState::kFailed, "failed"},
    StateName{TaskState::kSkipped, "skipped"},
    StateName{TaskState::kUpstreamFailed, "upstream_failed"},
    StateName{TaskState::kCancelled, "cancelled"},
};

/// How the tasks before one ended.
struct Ends {
  std::size_t all = 0;
  std::size_t succeeded = 0;
  std::size_t failed = 0;
  std::size_t skipped = 0;
  bool Done() const { return succeeded + failed + skipped == all; }
};

Ends Count(const std::vector<std::size_t>& tasks, const std::vector<TaskState>& states) {
  Ends ends;
  ends.all = tasks.size();
  for (const std::size_t task : tasks) {
    const TaskState state = states[task];
    if (state == TaskState::kSucceeded) ++ends.succeeded;
    if (state == TaskState::kSkipped) ++ends.skipped;
    const bool failed = state == TaskState::kFailed || state == TaskState::kUpstreamFailed ||
                        state == TaskState::kCancelled;
    if (failed) ++ends.failed;
  }
  return ends;
}

}  // namespace

std::string_view NameOf(TaskState state) {
  const auto* found = std::find_if(kNames.begin(), kNames.end(),
                                   [&](const StateName& one) { return one.state == state; });
  return found->name;
}

TaskState ParseTaskState(std::string_view name) {
  const auto* found = std::find_if(kNames.begin(), kNames.end(),
                                   [&](const StateName& one) { return one.name == name; });
  return found == kNames.end() ? TaskState::kFailed : found->state;
}

bool IsEnd(TaskState state) {
  switch (state) {
    case TaskState::kWaiting:
    case TaskState::kReady:
    case TaskState::kRunning:
    case TaskState::kRetrying:
      return false;
    case TaskState::kSucceeded:
    case TaskState::kFailed:
    case TaskState::kSkipped:
    case TaskState::kUpstreamFailed:
    case TaskState::kCancelled:
      return true;
  }
  return true;
}

// Walks back from a task that nothing outside the cycle blocks until a task
// comes again.
std::string TaskGraph::NameCycle(const std::set<std::size_t>& left) const {
  std::vector<std::size_t> path;
  std::size_t task = *left.begin();
  while (std::find(path.begin(), path.end(), task) == path.end()) {
    path.push_back(task);
    const std::vector<std::size_t>& before = nodes_[task].before;
    task = *std::find_if(before.begin(), before.end(),
                         [&](std::size_t one) { return left.contains(one); });
  }
  std::vector<std::string> names = {nodes_[task].name};
  for (auto it = std::find(path.begin(), path.end(), task) + 1; it != path.end(); ++it) {
    names.push_back(nodes_[*it].name);
  }
  names.push_back(nodes_[task].name);
  return fmt::format("{}", fmt::join(names, " after "));
}

Result<TaskGraph> TaskGraph::Make(const std::vector<TaskSpec>& tasks) {
  TaskGraph graph;
  std::unordered_map<std::string, std::size_t> numbers;
  graph.nodes_.reserve(tasks.size());
  for (const TaskSpec& task : tasks) {
    if (!numbers.emplace(task.name, numbers.size()).second) {
      return Error(ErrorKind::kInvalidConfig, fmt::format("two tasks are named {}", task.name));
    }
    graph.nodes_.push_back({task.name, task.rule, {}, {}});
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    for (const std::string& name : tasks[i].after) {
      const auto found = numbers.find(name);
      if (found == numbers.end()) {
        std::vector<std::string> names;
        for (const TaskSpec& task : tasks) names.push_back(task.name);
        return Error(ErrorKind::kInvalidConfig,
                     fmt::format("task {} comes after {}, which is no task{}", tasks[i].name, name,
                                 DidYouMean(name, names)));
      }
      graph.nodes_[i].before.push_back(found->second);
      graph.nodes_[found->second].after.push_back(i);
    }
  }
  std::vector<std::size_t> open(tasks.size());
  std::vector<std::size_t> free;
  std::set<std::size_t> left;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    left.insert(i);
    open[i] = graph.nodes_[i].before.size();
    if (open[i] == 0) free.push_back(i);
  }
  while (!free.empty()) {
    const std::size_t task = free.back();
    free.pop_back();
    left.erase(task);
    for (const std::size_t next : graph.nodes_[task].after) {
      if (--open[next] == 0) free.push_back(next);
    }
  }
  if (left.empty()) return graph;
  return Error(ErrorKind::kInvalidConfig, "tasks wait for each other: " + graph.NameCycle(left));
}

std::optional<std::size_t> TaskGraph::Find(const std::string& task) const {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                  [&](const Node& node) { return node.name == task; });
  if (found == nodes_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - nodes_.begin());
}

std::vector<std::size_t> TaskGraph::WithAllAfter(std::size_t task) const {
  std::vector<std::size_t> found;  // Depth first; the last to be left comes first.
  std::set<std::size_t> seen;
  const std::function<void(std::size_t)> visit = [&](std::size_t one) {
    if (!seen.insert(one).second) return;
    for (const std::size_t next : nodes_[one].after) visit(next);
    found.push_back(one);
  };
  visit(task);
  std::reverse(found.begin(), found.end());
  return found;
}

TaskState TaskGraph::Decide(std::size_t task, const std::vector<TaskState>& states) const {
  using estate::TriggerRule;
  const Ends ends = Count(nodes_[task].before, states);
  if (ends.all == 0) return TaskState::kReady;
  const TaskState hopeless = ends.failed > 0 ? TaskState::kUpstreamFailed : TaskState::kSkipped;
  const auto once_done = [&](TaskState then) { return ends.Done() ? then : TaskState::kWaiting; };
  switch (nodes_[task].rule) {
    case TriggerRule::kAllSuccess:
      if (ends.failed + ends.skipped > 0) return hopeless;
      return once_done(TaskState::kReady);
    case TriggerRule::kAllDone:
      return once_done(TaskState::kReady);
    case TriggerRule::kAllFailed:
      if (ends.succeeded + ends.skipped > 0) return TaskState::kSkipped;
      return once_done(TaskState::kReady);
    case TriggerRule::kOneSuccess:
      return ends.succeeded > 0 ? TaskState::kReady : once_done(hopeless);
    case TriggerRule::kOneFailed:
      return ends.failed > 0 ? TaskState::kReady : once_done(TaskState::kSkipped);
    case TriggerRule::kNoneFailed:
      if (ends.failed > 0) return TaskState::kUpstreamFailed;
      return once_done(TaskState::kReady);
  }
  return TaskState::kWaiting;
}

}  // namespace afluente::orchestrator
