// What the scheduler must not forget, in the run store's file: runs with their
// tasks, and how far each schedule has come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "orchestrator/run_store.h"
#include "orchestrator/scheduler/task_graph.h"

namespace afluente::orchestrator {

/// How far one job's schedule has come.
struct JobRow {
  std::string job;
  bool paused = false;
  WallTime high_water{};     // Fire times up to here are dealt with.
  std::string schedule;      // The schedule that they were of.
  std::uint64_t missed = 0;  // Fire times that were let pass.
};

struct TaskRow {
  std::string task;
  TaskState state = TaskState::kWaiting;
  int attempt = 0;   // Of how many starts; 0: never started.
  int failures = 0;  // Since the task was last cleared; what retries are counted by.
  WallTime due{};    // kRetrying: of the next attempt, or of the same one that starts again.
  WallTime started{};
  WallTime ended{};
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  double seconds = 0;
  std::string error_kind;
  std::string error;
  std::string output;  // JSON that later tasks may read; "" for none.

  /// Whether its attempt has asked to be started again and has not ended.
  bool asks_again() const { return due != WallTime() && ended == WallTime(); }
};

struct JobRun {
  std::string id;  // job@nominal/trigger
  std::string job;
  std::string mode;
  std::string trigger;  // "schedule", "manual", "backfill", "asset", ...
  RunState state = RunState::kQueued;
  WallTime nominal{};
  WallTime interval_start{};  // The data interval is [interval_start, nominal).
  int priority = 0;
  std::string params;  // JSON; "" for none.
  WallTime created{};
  WallTime started{};  // 0: not yet.
  WallTime ended{};
  std::string error;  // Of the first task that failed, or why it was skipped.
  std::vector<TaskRow> tasks;
};

/// job@nominal/trigger: the same occasion has the same id.
std::string RunId(const std::string& job, WallTime nominal, const std::string& trigger);

/// Collects changes and makes them durable together; of several of one row only
/// what the last one leads to is written. One thread at a time.
class JobStore {
 public:
  explicit JobStore(SqliteFile& file) : file_(file) {}

  Result<std::vector<JobRow>> Jobs();
  /// Runs that are queued or running, with their tasks, oldest first.
  Result<std::vector<JobRun>> Unfinished();
  /// kNotFound, naming the id.
  Result<JobRun> Find(const std::string& id);
  bool Exists(const std::string& id);
  /// The newest runs of `job`, or of all jobs when it is "", newest first.
  Result<std::vector<JobRun>> Recent(const std::string& job, int limit);
  /// The attempts of a run that have ended, in their order; rows without a due
  /// time.
  Result<std::vector<TaskRow>> Attempts(const std::string& run);

  // Each is durable with the next Flush.
  void Put(const JobRow& job);
  /// A new run and its tasks.
  void Create(const JobRun& run);
  /// A task that its job did not have when the run was made.
  void CreateTask(const std::string& run, const TaskRow& task);
  /// Moves a run on from state `from`.
  void Move(const JobRun& run, RunState from);
  /// Moves a task on from what `before` says (its state and attempt).
  void Move(const std::string& run, const TaskRow& before, const TaskRow& after);
  /// An attempt that ended.
  void Record(const std::string& run, const TaskRow& attempt);

  bool has_changes() const { return !changes_.empty(); }
  /// Everything since the last one in one transaction, but for the changes of
  /// runs of which a row is not as it should be: somebody else wrote it. Those
  /// are dropped, and the ids of the runs returned. Errors: kInternal when the
  /// file could not be written; the changes are kept then, for another try.
  Result<std::vector<std::string>> Flush();

 private:
  struct Change {
    const char* sql = nullptr;
    std::vector<std::string> parameters;
    std::string run;  // "" for a job's row.
  };
  /// A change of the row `key`. When one waits already, only its first `values`
  /// parameters, which are what the row becomes, are replaced.
  void Add(std::string key, Change change, std::size_t values);
  Result<std::vector<JobRun>> Load(const std::string& where, const std::vector<std::string>& with);

  SqliteFile& file_;
  std::vector<Change> changes_;
  std::unordered_map<std::string, std::size_t> places_;  // In changes_, by row.
};

}  // namespace afluente::orchestrator
