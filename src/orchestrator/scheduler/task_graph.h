// The tasks of a job and what they wait for.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "orchestrator/scheduler/job.h"

namespace afluente::orchestrator {

enum class TaskState : std::uint8_t {
  kWaiting,  // For tasks before it.
  kReady,    // For a slot.
  kRunning,
  kRetrying,  // Failed; the next attempt has its time.
  kSucceeded,
  kFailed,
  kSkipped,         // A branch went elsewhere, or its trigger rule can no longer be
                    // met.
  kUpstreamFailed,  // What it needs failed.
  kCancelled,
};
std::string_view NameOf(TaskState state);
/// The state of that name; failed for any other.
TaskState ParseTaskState(std::string_view name);
/// Whether nothing comes after it by itself.
bool IsEnd(TaskState state);

/// Immutable; borrows nothing. Thread-safe.
class TaskGraph {
 public:
  /// Errors: kInvalidConfig for two tasks of one name, an unknown task in
  /// `after` (with the nearest name), and a cycle, all of whose tasks it names.
  static Result<TaskGraph> Make(const std::vector<TaskSpec>& tasks);

  std::size_t size() const { return nodes_.size(); }
  /// The index of the task of that name.
  std::optional<std::size_t> Find(const std::string& task) const;
  /// Indices of the tasks that wait for `task`.
  const std::vector<std::size_t>& After(std::size_t task) const { return nodes_[task].after; }
  const std::vector<std::size_t>& Before(std::size_t task) const { return nodes_[task].before; }
  /// `task` and everything that depends on it, in an order in which they can
  /// run.
  std::vector<std::size_t> WithAllAfter(std::size_t task) const;

  /// What a waiting task becomes, given the states of all: kReady, kSkipped,
  /// kUpstreamFailed, or kWaiting still. As Airflow's trigger rules.
  TaskState Decide(std::size_t task, const std::vector<TaskState>& states) const;

 private:
  struct Node {
    std::string name;
    estate::TriggerRule rule;
    std::vector<std::size_t> before;
    std::vector<std::size_t> after;
  };

  std::string NameCycle(const std::set<std::size_t>& left) const;

  std::vector<Node> nodes_;
};

}  // namespace afluente::orchestrator
