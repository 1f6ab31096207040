// Decides what runs: fire times become runs, runs become attempts of tasks, and
// their ends let other tasks go on. It owns no thread: whoever drives it calls
// Tick.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "orchestrator/scheduler/executor.h"
#include "orchestrator/scheduler/job.h"
#include "orchestrator/scheduler/job_store.h"
#include "orchestrator/scheduler/task_graph.h"

namespace afluente::orchestrator {

struct SchedulerOptions {
  int max_tasks = 16;                // Running at a time, over all jobs.
  std::map<std::string, int> pools;  // Slots of each.
  int max_backfills = 2;             // Backfill runs at a time, over all jobs.
  /// Nothing fires by itself, pauses do not count, and runs of jobs that are not known here are
  /// left to another process. For one that runs a few jobs and ends.
  bool only_triggered = false;
  /// Wakes whoever drives the scheduler: there is something for Tick. Called with
  /// a lock held; must not call back.
  std::function<void()> wake = [] {};
  /// Called at each named step between two that are durable; tests end the
  /// process there.
  std::function<void(const char* step)> at_step = [](const char*) {};
};

/// When Tick wants to be called next, if nothing wakes it before.
struct NextTick {
  std::optional<WallTime> at;                     // A fire time.
  std::optional<std::chrono::nanoseconds> timer;  // On the monotonic clock: a retry or timeout.
};

/// Why a job is not running now: one line a reason, most telling first.
struct WhyNot {
  std::string job;
  std::vector<std::string> reasons;
};

/// One writer of its tables. Thread-safe.
///
/// Every decision is durable before what follows from it happens: a run before
/// its tasks start, an attempt before its executor hears of it, an end before
/// what waits for it starts. After a crash at any point a fire time has one
/// run, and what had ended is not done again.
class Scheduler {
 public:
  /// Borrows everything.
  Scheduler(SqliteFile& file, Executor& executor, const Clock& clock, SchedulerOptions options);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Takes up what an earlier process left. Fire times that passed meanwhile
  /// are made up for as each job's policy says; those of a schedule that was
  /// edited meanwhile are not. Errors: kInvalidConfig for a job that is no
  /// graph; of the store.
  Status Start(std::vector<JobSpec> jobs);

  /// A warehouse table was updated: jobs that wait for it run. One run is for
  /// all updates before its beginning; then the job rests for three times as
  /// long as it took, so that an endless stream of updates leaves room for
  /// others. Cheap, and without waiting for a Tick that is at work.
  void Updated(const std::string& table);
  /// The tables that jobs wait for.
  std::set<std::string> assets() const;

  /// Does everything that is due. A run whose rows somebody else has changed is
  /// their word: what of it runs here is asked to stop, then the run goes on
  /// from what the store says. Errors: of the store; nothing has happened then
  /// that is not durable, and the next call tries again.
  Result<NextTick> Tick();

  /// Makes a run now. `nominal` nullopt: of this moment. `trigger`: "manual",
  /// "backfill", "asset", ... Returns its id; that of the existing one when
  /// there is one for the same occasion. Errors: kNotFound for an unknown job.
  Result<std::string> Trigger(const std::string& job, const std::string& trigger,
                              std::optional<FireTime> nominal, const std::string& params);
  /// Makes a run of each of `occasions`, all of them or none. They wait in a queue of their own:
  /// one starts when nothing else of its job is running or waits, and gives way in pools. Returns
  /// how many are new. Errors: kNotFound for an unknown job.
  Result<std::size_t> Backfill(const std::string& job, const std::vector<FireTime>& occasions,
                               const std::string& params);
  /// Ends a run early: tasks that wait are cancelled, those that run are asked to stop.
  Status Cancel(const std::string& run);
  /// Runs a run's failed and cancelled tasks again, and what they kept from
  /// running.
  Status Retry(const std::string& run);
  /// Runs a task again, and with `and_after` everything that depends on it.
  Status Clear(const std::string& run, const std::string& task, bool and_after);
  /// Counts a task as succeeded, whatever it ended as.
  Status MarkSuccess(const std::string& run, const std::string& task);
  /// Fire times that pass while a job is paused are let go.
  Status Pause(const std::string& job);
  Status Resume(const std::string& job);
  Result<WhyNot> Why(const std::string& job);
  /// A run as it stands. Errors: kNotFound, naming the id.
  Result<JobRun> Find(const std::string& run);

  /// Ends of attempts that the shutdown cancels are not recorded from now on:
  /// the next process takes them up.
  void BeginShutdown();
  /// Attempts that were started and have not ended.
  std::size_t running() const;

 private:
  struct Job;
  struct Run;
  struct Pool;
  struct Ended {
    AttemptRef ref;
    AttemptOutcome outcome;
  };
  struct LostAttempt {
    AttemptRef ref;
    Pool* pool = nullptr;
    int slots = 0;
  };
  struct Fire {
    WallTime at{};
    Job* job = nullptr;
    bool operator>(const Fire& other) const { return at > other.at; }
  };
  struct Timer {
    std::chrono::nanoseconds at{0};
    AttemptRef ref;
    bool is_timeout = false;
    Job* rested = nullptr;  // Instead of an attempt.
    bool operator>(const Timer& other) const { return at > other.at; }
  };
  template <class T>
  using Heap = std::priority_queue<T, std::vector<T>, std::greater<>>;

  // scheduler.cpp
  Result<Job*> FindJob(const std::string& name);
  /// Calls `found` with the run and the task of an attempt that is the task's
  /// newest.
  void WithAttempt(const AttemptRef& ref, const std::function<void(Run&, std::size_t)>& found);
  void TakeEnds();
  void TakeUpdates();
  void TakeFires(WallTime now);
  void TakeTimers(std::chrono::nanoseconds now);
  void Dispatch();
  /// Returns the runs that somebody else has changed.
  Result<std::vector<std::string>> FlushAndStart();
  Status FlushFor(const std::string& run);
  void OnEnded(const AttemptRef& ref, AttemptOutcome outcome);
  void Schedule(Job& job);
  Attempt AttemptOf(const Run& run, std::size_t task) const;

  // scheduler_runs.cpp
  void StartUpdated(Job& job);
  Run* CreateRun(Job& job, const FireTime& fire, const std::string& trigger,
                 const std::string& params);
  void StartRuns(Job& job);
  void StartBackfills();
  static bool IsBackfill(const Run& run);
  void Begin(Run& run);
  void Skip(Run& run, const std::string& why);
  void Settle(Run& run, std::vector<std::size_t> open);
  void SettleAll(Run& run);
  void MakeReady(Run& run, std::size_t task);
  void End(Run& run, std::size_t task, AttemptOutcome outcome);
  void StartAgainLater(Run& run, std::size_t task, const AttemptOutcome& outcome);
  void Conclude(Run& run, std::size_t task, AttemptOutcome outcome, bool timed_out);
  void SkipNotChosen(Run& run, std::size_t task, const std::vector<std::string>& chosen);
  void FinishIfDone(Run& run);
  static void Enter(Run& run, std::size_t task, TaskState state);
  void Move(Run& run, std::size_t task, TaskState state);
  void CancelTasks(Run& run);
  void LeaveRunning(Run& run, std::size_t task);
  Pool& PoolOf(const TaskSpec& task);

  // scheduler_children.cpp
  void BeginChild(Run& run, std::size_t task);
  void StartChild(Run& run, std::size_t task);
  bool CancelChild(Run& run, std::size_t task);
  void TellParent(const JobRun& child);
  void EndParentTask(const JobRun& child);
  void TakeChildren();
  static std::string ChildId(const Run& run, std::size_t task);

  // scheduler_commands.cpp
  void CancelQueued(Run& run);
  void Reopen(Run& run, const std::vector<std::size_t>& tasks);
  Result<Run*> Load(const std::string& id);
  Status Rerun(Run& run, const std::vector<std::size_t>& tasks);
  std::vector<std::string> WhyRunWaits(const Run& run) const;

  // scheduler_recovery.cpp
  void AddOwnPools(JobSpec& job);
  static std::unique_ptr<Run> MakeRun(Job& job, JobRun row);
  void FitToJob(const Job& job, JobRun& row);
  void TakeUp(JobRun row);
  void TakeUpTask(Run& run, std::size_t task);
  void Lose(const std::string& id);
  void TakeUpLost(const std::string& id);
  bool LeaveLost(const AttemptRef& ref);

  Executor& executor_;
  const Clock& clock_;
  const SchedulerOptions options_;
  mutable std::mutex mutex_;  // Guards all below but the ends.
  JobStore store_;
  std::map<std::string, std::unique_ptr<Job>> jobs_;
  std::map<std::string, std::unique_ptr<Run>> runs_;    // Queued and running ones, by id.
  std::map<std::string, std::unique_ptr<Pool>> pools_;  // "": tasks of no pool.
  std::multimap<std::string, Job*> by_asset_;
  /// Attempts that still run of runs that somebody else changed, by the run's
  /// id.
  std::map<std::string, std::vector<LostAttempt>> lost_;
  int free_tasks_ = 0;
  std::uint64_t sequence_ = 0;
  Heap<Fire> fires_;
  Heap<Timer> timers_;
  std::set<Job*> backfilling_;       // Jobs with backfill runs that are queued.
  int backfills_ = 0;                // Running ones.
  std::vector<Attempt> starts_;      // Decided, not yet durable.
  std::vector<AttemptRef> cancels_;  // Likewise.
  bool has_new_runs_ = false;        // Not yet durable.
  bool has_new_ends_ = false;        // Likewise.
  std::vector<AttemptRef>
      child_starts_;                // Decided; their runs are looked for when nothing else is.
  std::vector<JobRun> child_ends_;  // Runs whose parents do not know yet that they ended.
  bool shutting_down_ = false;

  std::mutex ends_mutex_;  // Guards both below.
  std::vector<Ended> ends_;
  std::set<std::string> updates_;  // Tables.
};

}  // namespace afluente::orchestrator
