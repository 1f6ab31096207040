// What the scheduler keeps in memory of jobs, runs and pools; included by its
// own files only.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "orchestrator/scheduler/scheduler.h"

namespace afluente::orchestrator {

struct Scheduler::Job {
  JobSpec spec;
  TaskGraph graph;
  JobRow row;
  std::optional<FireTime> next;
  std::list<Run*> queue;           // Runs that are queued, in the order of their turns.
  std::set<Run*> active;           // Those that are running.
  std::list<Run*> backfill_queue;  // The same of backfills.
  std::set<Run*> backfill_active;
  bool updated = false;                     // After its newest run began.
  std::chrono::nanoseconds rests_until{0};  // Monotonic.
  bool is_resting = false;                  // A timer wakes it then.

  std::list<Run*>& QueueOf(const Run& run) { return IsBackfill(run) ? backfill_queue : queue; }
  std::set<Run*>& ActiveOf(const Run& run) { return IsBackfill(run) ? backfill_active : active; }
};

struct Scheduler::Run {
  Job* job = nullptr;
  JobRun row;                          // Its tasks in the order of the job's.
  std::vector<TaskState> states;       // Of row.tasks, for the graph.
  std::vector<std::uint64_t> entered;  // The ready queue's entry that counts, by task.
  std::size_t open = 0;                // Tasks that have not ended.
  std::set<std::size_t> timed_out;
  bool cancelling = false;
};

struct Scheduler::Pool {
  struct Entry {
    int priority = 0;
    WallTime nominal{};
    std::uint64_t sequence = 0;
    std::string run;
    std::size_t task = 0;
    /// Whether `other` goes first.
    bool operator<(const Entry& other) const {
      if (priority != other.priority) return priority < other.priority;
      if (nominal != other.nominal) return nominal > other.nominal;
      return sequence > other.sequence;
    }
  };
  int slots = 0;
  int free = 0;
  std::priority_queue<Entry> ready;
};

}  // namespace afluente::orchestrator
