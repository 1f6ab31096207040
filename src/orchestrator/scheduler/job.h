// A job as the scheduler sees it: fire times, tasks, policies. What a task does
// is its executor's matter.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/rare.h"
#include "base/result.h"
#include "estate/job.h"

namespace afluente::orchestrator {

struct Attempt;

/// A task that is a run of another job, of the same data interval.
struct ChildRun {
  std::string job;
  /// What that run is told, as JSON. An error fails the attempt.
  std::function<Result<std::string>(const Attempt&)> params;
};

struct TaskSpec {
  std::string name;  // Unique in its job.
  std::string kind;  // "integration", "model", "command", ...: names the executor.
  std::vector<std::string> after;
  estate::TriggerRule rule = estate::TriggerRule::kAllSuccess;
  estate::RetryPolicy retry;
  std::chrono::milliseconds timeout{0};  // Of an attempt; 0: none.
  bool skip_at_timeout = false;          // Instead of failing it.
  std::string pool;                      // "": only the slots that all tasks share.
  int slots = 1;                         // Of the pool.
  int own_slots = 0;     // Above 0: the pool is one of the job's own, and has so many.
  std::string writes;    // The warehouse table that it makes; "" for none.
  Rare<ChildRun> child;  // No executor does it, and it takes no slots.
};

/// A task that is tried as `policy` says.
inline TaskSpec TaskOf(std::string name, std::string kind, const estate::TaskPolicy& policy) {
  TaskSpec spec;
  spec.name = std::move(name);
  spec.kind = std::move(kind);
  spec.retry = policy.retry;
  spec.timeout = policy.timeout;
  spec.pool = policy.pool;
  spec.slots = policy.slots;
  return spec;
}

/// One instant at which a schedule fires.
struct FireTime {
  WallTime nominal{};         // What the run is of: the end of its data interval.
  WallTime at{};              // When it starts: nominal, and the jitter.
  WallTime interval_start{};  // The nominal time before it.
};

struct JobSpec {
  std::string name;
  std::string mode;             // For the record: "dag", "snapshot", "model", ...
  std::vector<TaskSpec> tasks;  // In any order; a graph without cycles.
  /// The first fire with a nominal time after `after`; nullopt: never again, or
  /// the job has no schedule. Thread-safe.
  std::function<std::optional<FireTime>(WallTime after)> next_fire;
  /// The warehouse table whose updates it runs after; "" for none.
  std::string on_asset;
  /// Changes when the schedule does: fire times before the change are not made
  /// up for.
  std::string schedule_text;
  estate::RunPolicy policy;
};

}  // namespace afluente::orchestrator
