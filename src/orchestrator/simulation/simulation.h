// What would run when: the scheduler against a clock that jumps, and tasks that only take time.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "orchestrator/run_store.h"
#include "orchestrator/scheduler/job.h"

namespace afluente::orchestrator {

/// A task of a run. A time of 0: not within what was looked at, or never.
struct SimulatedTask {
  std::string task;
  std::string pool;
  int slots = 1;       // 0: it is a run of another job.
  std::string writes;  // The table; "" for none of the warehouse.
  WallTime ready{};    // All that it comes after has ended; from here on it waits for a slot.
  WallTime started{};
  WallTime ended{};
};

struct SimulatedRun {
  std::string id;
  std::string job;
  std::string trigger;  // "schedule", "asset".
  RunState state = RunState::kQueued;
  std::string why;  // Of one that was skipped.
  WallTime due{};
  WallTime started{};  // Later than `due` when another run of its job was running.
  WallTime ended{};
  std::vector<SimulatedTask> tasks;
};

struct Timeline {
  WallTime from{};
  WallTime to{};                   // Earlier than asked for when it is cut.
  std::vector<SimulatedRun> runs;  // By when they were due.
  bool is_cut = false;             // Too much happened.
};

struct SimulationOptions {
  WallTime from{};
  WallTime to{};  // What is due then is not looked at any more.
  std::map<std::string, int> pools;
  int max_tasks = 16;
  std::size_t moments_max = 500'000;  // At which something happens.
  /// How long a task takes. Called once for each start.
  std::function<std::chrono::microseconds(const std::string& job, const std::string& task)>
      duration;
};

/// Every task succeeds in its time, every branch goes both ways, nothing runs or is missed at
/// `from`. Nothing is written; no thread is made. Errors: those of Scheduler::Start.
Result<Timeline> Simulate(std::vector<JobSpec> jobs, const SimulationOptions& options);

}  // namespace afluente::orchestrator
