// What people ask of runs and jobs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/names.h"
#include "orchestrator/scheduler/scheduler_state.h"

namespace afluente::orchestrator {
namespace {

Result<std::size_t> FindTask(const TaskGraph& graph, const JobRun& run, const std::string& name) {
  if (const auto found = graph.Find(name)) return *found;
  std::vector<std::string> names;
  for (const TaskRow& task : run.tasks) names.push_back(task.task);
  return Error(ErrorKind::kNotFound,
               fmt::format("run {} has no task {}{}", run.id, name, DidYouMean(name, names)));
}

}  // namespace

Result<std::string> Scheduler::Trigger(const std::string& name, const std::string& trigger,
                                       std::optional<FireTime> nominal, const std::string& params) {
  const std::scoped_lock lock(mutex_);
  AFL_ASSIGN(Job * job, FindJob(name));
  const WallTime now = clock_.Now();
  const FireTime fire = nominal.value_or(FireTime{now, now, now});
  CreateRun(*job, fire, trigger, params);
  StartRuns(*job);
  std::string id = RunId(name, fire.nominal, trigger);
  AFL_TRY(FlushFor(id));
  return id;
}

Result<std::size_t> Scheduler::Backfill(const std::string& name,
                                        const std::vector<FireTime>& occasions,
                                        const std::string& params) {
  const std::scoped_lock lock(mutex_);
  AFL_ASSIGN(Job * job, FindJob(name));
  std::size_t made = 0;
  for (const FireTime& occasion : occasions) {
    if (CreateRun(*job, occasion, kBackfillTrigger, params) != nullptr) ++made;
  }
  if (!job->backfill_queue.empty()) backfilling_.insert(job);
  AFL_TRY(FlushFor(""));
  return made;
}

Status Scheduler::Cancel(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  const auto found = runs_.find(id);
  if (found == runs_.end()) {
    AFL_ASSIGN(const JobRun ended, store_.Find(id));
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("run {} has ended already: {}", id, NameOf(ended.state)));
  }
  Run& run = *found->second;
  if (run.row.state == RunState::kQueued) {
    CancelQueued(run);
  } else {
    CancelTasks(run);
  }
  return FlushFor(id);
}

void Scheduler::CancelQueued(Run& run) {
  Job& job = *run.job;
  std::list<Run*>& queue = job.QueueOf(run);
  queue.erase(std::find(queue.begin(), queue.end(), &run));
  for (std::size_t task = 0; task < run.states.size(); ++task) {
    if (!IsEnd(run.states[task])) Move(run, task, TaskState::kCancelled);
  }
  run.row.state = RunState::kCancelled;
  run.row.ended = clock_.Now();
  store_.Move(run.row, RunState::kQueued);
  TellParent(run.row);
  runs_.erase(std::string(run.row.id));
}

Result<Scheduler::Run*> Scheduler::Load(const std::string& id) {
  if (const auto found = runs_.find(id); found != runs_.end()) return found->second.get();
  AFL_ASSIGN(JobRun row, store_.Find(id));
  if (row.tasks.empty()) {
    return Error(
        ErrorKind::kInvalidConfig,
        fmt::format(
            "run {} was a command's, not the scheduler's; `afluente trigger {}` makes a new one",
            id, row.job));
  }
  AFL_ASSIGN(Job * job, FindJob(row.job));
  FitToJob(*job, row);
  auto run = MakeRun(*job, std::move(row));
  Run* made = run.get();
  runs_[made->row.id] = std::move(run);
  return made;
}

// A run that had ended goes back to the front of its job's queue.
void Scheduler::Reopen(Run& run, const std::vector<std::size_t>& tasks) {
  const bool had_ended = run.row.state != RunState::kQueued && run.row.state != RunState::kRunning;
  for (const std::size_t task : tasks) {
    TaskRow& row = run.row.tasks[task];
    const TaskRow before = row;
    row.failures = 0;
    row.due = row.ended = WallTime();
    row.error.clear();
    row.error_kind.clear();
    row.output.clear();
    Enter(run, task, TaskState::kWaiting);
    store_.Move(run.row.id, before, row);
  }
  run.cancelling = false;
  if (had_ended) {
    const RunState before = run.row.state;
    run.row.state = RunState::kQueued;
    run.row.error.clear();
    run.row.ended = WallTime();
    store_.Move(run.row, before);
    run.job->QueueOf(run).push_front(&run);
    if (IsBackfill(run)) backfilling_.insert(run.job);
    StartRuns(*run.job);
  } else if (run.row.state == RunState::kRunning) {
    SettleAll(run);
    FinishIfDone(run);
  }
}

Status Scheduler::Rerun(Run& run, const std::vector<std::size_t>& tasks) {
  const std::string id = run.row.id;
  Reopen(run, tasks);
  return FlushFor(id);
}

Status Scheduler::Retry(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  AFL_ASSIGN(Run * run, Load(id));
  std::vector<std::size_t> tasks;
  for (std::size_t task = 0; task < run->states.size(); ++task) {
    const TaskState state = run->states[task];
    const bool again = state == TaskState::kFailed || state == TaskState::kUpstreamFailed ||
                       state == TaskState::kCancelled;
    if (again) tasks.push_back(task);
  }
  if (tasks.empty()) {
    const std::string state(NameOf(run->row.state));
    if (run->row.state != RunState::kQueued && run->row.state != RunState::kRunning) {
      runs_.erase(std::string(id));
    }
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("run {} is {}: none of its tasks failed; `afluente clear` runs tasks "
                             "again that succeeded",
                             id, state));
  }
  return Rerun(*run, tasks);
}

Status Scheduler::Clear(const std::string& id, const std::string& task, bool and_after) {
  const std::scoped_lock lock(mutex_);
  AFL_ASSIGN(Run * run, Load(id));
  AFL_ASSIGN(const std::size_t number, FindTask(run->job->graph, run->row, task));
  std::vector<std::size_t> tasks = {number};
  if (and_after) tasks = run->job->graph.WithAllAfter(number);
  for (const std::size_t one : tasks) {
    if (run->states[one] != TaskState::kRunning) continue;
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("task {} of run {} is running; cancel the run first",
                             run->row.tasks[one].task, id));
  }
  return Rerun(*run, tasks);
}

Status Scheduler::MarkSuccess(const std::string& id, const std::string& task) {
  const std::scoped_lock lock(mutex_);
  AFL_ASSIGN(Run * run, Load(id));
  AFL_ASSIGN(const std::size_t number, FindTask(run->job->graph, run->row, task));
  if (run->states[number] == TaskState::kRunning) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("task {} of run {} is running; cancel the run first", task, id));
  }
  // What it kept from running may run now.
  std::vector<std::size_t> kept;
  for (const std::size_t one : run->job->graph.WithAllAfter(number)) {
    if (run->states[one] == TaskState::kUpstreamFailed) kept.push_back(one);
  }
  Move(*run, number, TaskState::kSucceeded);
  return Rerun(*run, kept);
}

Status Scheduler::Pause(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  AFL_ASSIGN(Job * job, FindJob(name));
  job->row.paused = true;
  store_.Put(job->row);
  return FlushFor("");
}

Status Scheduler::Resume(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  AFL_ASSIGN(Job * job, FindJob(name));
  if (!job->row.paused) return Done{};
  job->row.paused = false;
  job->row.high_water = std::max(job->row.high_water, clock_.Now());
  store_.Put(job->row);
  Schedule(*job);
  StartRuns(*job);
  StartUpdated(*job);
  return FlushFor("");
}

std::vector<std::string> Scheduler::WhyRunWaits(const Run& run) const {
  std::vector<std::string> reasons;
  for (std::size_t task = 0; task < run.states.size(); ++task) {
    const TaskRow& row = run.row.tasks[task];
    const std::string name = fmt::format("task {} of run {}", row.task, run.row.id);
    const TaskSpec& spec = run.job->spec.tasks[task];
    if (run.states[task] == TaskState::kRunning && spec.child) {
      reasons.push_back(fmt::format("{} waits for run {}", name, ChildId(run, task)));
    } else if (run.states[task] == TaskState::kRunning) {
      reasons.push_back(
          fmt::format("{} has been running since {}", name, FormatRfc3339(row.started)));
    } else if (run.states[task] == TaskState::kRetrying && row.asks_again()) {
      reasons.push_back(fmt::format("{} looks again at {}: {}", name, FormatRfc3339(row.due),
                                    row.error.empty() ? "not yet" : row.error));
    } else if (run.states[task] == TaskState::kRetrying) {
      reasons.push_back(fmt::format("{} failed and is tried again at {}: {}", name,
                                    FormatRfc3339(row.due), row.error));
    } else if (run.states[task] == TaskState::kReady) {
      const auto pool = pools_.find(spec.pool);
      const bool pool_is_full = !spec.pool.empty() && pool != pools_.end() &&
                                pool->second->free < std::min(spec.slots, pool->second->slots);
      reasons.push_back(
          pool_is_full ? fmt::format("{} waits for pool {}: {} of its {} slots are free", name,
                                     spec.pool, pool->second->free, pool->second->slots)
                       : fmt::format("{} waits for a slot: {} tasks are running, which is the most",
                                     name, options_.max_tasks - free_tasks_));
    } else if (run.states[task] == TaskState::kWaiting) {
      std::vector<std::string> before;
      for (const std::size_t one : run.job->graph.Before(task)) {
        if (!IsEnd(run.states[one])) before.push_back(run.row.tasks[one].task);
      }
      reasons.push_back(fmt::format("{} waits for {}", name, fmt::join(before, ", ")));
    }
  }
  return reasons;
}

Result<JobRun> Scheduler::Find(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = runs_.find(id); found != runs_.end()) return found->second->row;
  return store_.Find(id);
}

Result<WhyNot> Scheduler::Why(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  AFL_ASSIGN(Job * job, FindJob(name));
  WhyNot why;
  why.job = name;
  if (job->row.paused) {
    why.reasons.push_back(fmt::format("it is paused; `afluente resume {}` lets it go on", name));
  }
  for (const Run* run : job->active) {
    for (std::string& reason : WhyRunWaits(*run)) why.reasons.push_back(std::move(reason));
  }
  for (const Run* run : job->queue) {
    if (job->row.paused || job->active.empty()) continue;
    why.reasons.push_back(fmt::format("run {} waits for run {}, since its job runs one at a time",
                                      run->row.id, (*job->active.begin())->row.id));
  }
  for (const Run* run : job->backfill_active) {
    for (std::string& reason : WhyRunWaits(*run)) why.reasons.push_back(std::move(reason));
  }
  if (!job->backfill_queue.empty()) {
    why.reasons.push_back(
        fmt::format("{} backfill runs wait until nothing else of it runs, {} of all jobs at a time",
                    job->backfill_queue.size(), options_.max_backfills));
  }
  if (!job->spec.next_fire) {
    why.reasons.push_back(job->spec.on_asset.empty()
                              ? "it has no schedule: something else triggers it, or a person"
                              : fmt::format("it waits for updates of {}", job->spec.on_asset));
  } else if (!job->row.paused) {
    why.reasons.push_back(job->next
                              ? fmt::format("it is not due until {}", FormatRfc3339(job->next->at))
                              : "its schedule never fires again");
  }
  return why;
}

}  // namespace afluente::orchestrator
