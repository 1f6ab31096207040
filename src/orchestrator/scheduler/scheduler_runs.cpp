// How runs begin, go on and end.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "orchestrator/scheduler/scheduler_state.h"

namespace afluente::orchestrator {
namespace {

// The same task fails again after the same delays: what spreads them is the
// name, not chance.
std::chrono::nanoseconds RetryDelay(const estate::RetryPolicy& policy, int failures,
                                    const std::string& of) {
  const double factor = std::pow(policy.factor, failures - 1);
  const double delay = std::min(static_cast<double>(policy.delay.count()) * factor,
                                static_cast<double>(policy.max_delay.count()));
  constexpr std::size_t kSteps = 1'000;
  const double share = static_cast<double>(std::hash<std::string>()(of) % kSteps) / kSteps;
  return std::chrono::nanoseconds(
      static_cast<std::int64_t>(delay * (1 + policy.jitter * share) * 1e6));
}

// In pools everything that is live goes before any backfill.
constexpr int kBackfillGivesWay = 1'000'000;

bool MayRetry(const estate::RetryPolicy& policy, int failures, ErrorKind kind) {
  if (failures > policy.retries || kind == ErrorKind::kCancelled) return false;
  return policy.retry_on.empty() || std::find(policy.retry_on.begin(), policy.retry_on.end(),
                                              NameOf(kind)) != policy.retry_on.end();
}

}  // namespace

void Scheduler::Enter(Run& run, std::size_t task, TaskState state) {
  if (!IsEnd(run.states[task])) --run.open;
  if (!IsEnd(state)) ++run.open;
  run.states[task] = run.row.tasks[task].state = state;
}

void Scheduler::Move(Run& run, std::size_t task, TaskState state) {
  TaskRow& row = run.row.tasks[task];
  const TaskRow before = row;
  Enter(run, task, state);
  if (IsEnd(state) && row.ended == WallTime()) row.ended = clock_.Now();
  store_.Move(run.row.id, before, row);
}

Scheduler::Run* Scheduler::CreateRun(Job& job, const FireTime& fire, const std::string& trigger,
                                     const std::string& params) {
  std::string id = RunId(job.spec.name, fire.nominal, trigger);
  if (runs_.contains(id) || store_.Exists(id)) return nullptr;  // This occasion had its run.
  JobRun row;
  row.id = std::move(id);
  row.job = job.spec.name;
  row.mode = job.spec.mode;
  row.trigger = trigger;
  row.state = RunState::kQueued;
  row.nominal = fire.nominal;
  row.interval_start = fire.interval_start;
  row.priority = job.spec.policy.priority - (trigger == kBackfillTrigger ? kBackfillGivesWay : 0);
  row.params = params;
  row.created = clock_.Now();
  for (const TaskSpec& task : job.spec.tasks) {
    TaskRow& made = row.tasks.emplace_back();
    made.task = task.name;
  }
  store_.Create(row);
  has_new_runs_ = true;
  auto run = MakeRun(job, std::move(row));
  Run* made = run.get();
  runs_[made->row.id] = std::move(run);
  job.QueueOf(*made).push_back(made);
  return made;
}

// A run that begins later is for the update as well; so is one that waits for
// its turn.
void Scheduler::StartUpdated(Job& job) {
  if (!job.updated || job.row.paused || shutting_down_) return;
  if (!job.active.empty() || !job.queue.empty()) return;
  if (clock_.Monotonic() < job.rests_until) {
    if (!std::exchange(job.is_resting, true)) {
      timers_.push({job.rests_until, {}, false, &job});
    }
    return;
  }
  // Its data interval begins where that of the last one ended.
  const auto later = job.row.high_water + WallTime::duration(1);
  const WallTime nominal = std::max(clock_.Now(), later);
  CreateRun(job, {nominal, nominal, job.row.high_water}, "asset", "");
  job.row.high_water = nominal;
  store_.Put(job.row);
  StartRuns(job);
}

void Scheduler::Skip(Run& run, const std::string& why) {
  const RunState before = run.row.state;
  run.row.state = RunState::kSkipped;
  run.row.error = why;
  run.row.ended = clock_.Now();
  for (std::size_t task = 0; task < run.states.size(); ++task) Move(run, task, TaskState::kSkipped);
  store_.Move(run.row, before);
  TellParent(run.row);
  runs_.erase(std::string(run.row.id));
}

bool Scheduler::IsBackfill(const Run& run) { return run.row.trigger == kBackfillTrigger; }

// Live runs never wait for them: one starts when its job has nothing else to do.
void Scheduler::StartBackfills() {
  const std::set<Job*> waiting = backfilling_;
  for (Job* job : waiting) {
    const estate::RunPolicy& policy = job->spec.policy;
    const int at_a_time =
        policy.overlap == estate::RunOverlap::kAllow ? std::max(1, policy.max_active_runs) : 1;
    while (!job->backfill_queue.empty() && backfills_ < options_.max_backfills &&
           std::ssize(job->backfill_active) < at_a_time && job->active.empty() &&
           job->queue.empty() && !job->row.paused && !shutting_down_) {
      Run& run = *job->backfill_queue.front();
      job->backfill_queue.pop_front();
      Begin(run);
    }
    if (job->backfill_queue.empty()) backfilling_.erase(job);
  }
}

// Overlap is decided here, when it is a run's turn, so that an edited policy holds for runs that
// wait.
void Scheduler::StartRuns(Job& job) {
  const estate::RunPolicy& policy = job.spec.policy;
  while (!job.queue.empty() && !job.row.paused && !shutting_down_) {
    const bool free = policy.overlap == estate::RunOverlap::kAllow
                          ? std::ssize(job.active) < std::max(1, policy.max_active_runs)
                          : job.active.empty();
    if (free) {
      Run& run = *job.queue.front();
      job.queue.pop_front();
      Begin(run);
      continue;
    }
    if (policy.overlap == estate::RunOverlap::kSkip) {
      Run& run = *job.queue.front();
      job.queue.pop_front();
      Skip(run, fmt::format("{} was running", (*job.active.begin())->row.id));
      continue;
    }
    if (policy.overlap == estate::RunOverlap::kCancelPrevious) {
      while (job.queue.size() > 1) {
        Run& run = *job.queue.front();
        job.queue.pop_front();
        Skip(run, fmt::format("{} came after it", job.queue.back()->row.id));
      }
      const std::set<Run*> active = job.active;
      for (Run* run : active) CancelTasks(*run);
    }
    return;
  }
}

void Scheduler::Begin(Run& run) {
  run.job->ActiveOf(run).insert(&run);
  if (IsBackfill(run)) ++backfills_;
  if (!IsBackfill(run)) run.job->updated = false;
  run.row.state = RunState::kRunning;
  run.row.ended = WallTime();
  run.row.error.clear();
  if (run.row.started == WallTime()) run.row.started = clock_.Now();
  store_.Move(run.row, RunState::kQueued);
  SettleAll(run);
  FinishIfDone(run);
}

// What is decided about a task decides about those after it; others are not
// looked at.
void Scheduler::Settle(Run& run, std::vector<std::size_t> open) {
  for (std::size_t next = 0; next < open.size(); ++next) {
    const std::size_t task = open[next];
    if (run.states[task] != TaskState::kWaiting) continue;
    const TaskState decided = run.job->graph.Decide(task, run.states);
    if (decided == TaskState::kReady) MakeReady(run, task);
    if (!IsEnd(decided)) continue;
    Move(run, task, decided);
    const std::vector<std::size_t>& after = run.job->graph.After(task);
    open.insert(open.end(), after.begin(), after.end());
  }
}

void Scheduler::SettleAll(Run& run) {
  std::vector<std::size_t> all(run.states.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  Settle(run, std::move(all));
}

void Scheduler::MakeReady(Run& run, std::size_t task) {
  if (run.job->spec.tasks[task].child) return BeginChild(run, task);
  Move(run, task, TaskState::kReady);
  run.entered[task] = ++sequence_;
  PoolOf(run.job->spec.tasks[task])
      .ready.push({run.row.priority, run.row.nominal, sequence_, run.row.id, task});
}

// A pool that the estate no longer has limits nothing.
Scheduler::Pool& Scheduler::PoolOf(const TaskSpec& task) {
  const auto found = pools_.find(task.pool);
  return *(found == pools_.end() ? pools_.at("") : found->second);
}

void Scheduler::LeaveRunning(Run& run, std::size_t task) {
  const TaskSpec& spec = run.job->spec.tasks[task];
  Pool& pool = PoolOf(spec);
  pool.free += std::min(spec.slots, pool.slots);
  ++free_tasks_;
}

void Scheduler::End(Run& run, std::size_t task, AttemptOutcome outcome) {
  const bool cancelled =
      !outcome.status.ok() && outcome.status.error().kind() == ErrorKind::kCancelled;
  const bool timed_out = run.timed_out.erase(task) > 0;
  const bool goes_on = !run.cancelling && !timed_out;
  LeaveRunning(run, task);
  // Its next process begins it again.
  if (cancelled && shutting_down_ && goes_on) return;
  if (outcome.again_after.count() > 0) {
    if (goes_on) return StartAgainLater(run, task, outcome);
    outcome.status = Error(ErrorKind::kCancelled, "it was asked to end");
  }
  // What got done just before it was asked to end is done.
  const bool is_too_late = timed_out && !outcome.status.ok();
  Conclude(run, task, std::move(outcome), is_too_late);
}

void Scheduler::StartAgainLater(Run& run, std::size_t task, const AttemptOutcome& outcome) {
  TaskRow& row = run.row.tasks[task];
  const TaskRow before = row;
  Enter(run, task, TaskState::kRetrying);
  row.due = clock_.Now() + outcome.again_after;
  if (!outcome.status.ok()) row.error = outcome.status.error().message();
  timers_.push(
      {clock_.Monotonic() + outcome.again_after, {run.row.id, row.task, row.attempt}, false});
  store_.Move(run.row.id, before, row);
}

void Scheduler::Conclude(Run& run, std::size_t task, AttemptOutcome outcome, bool timed_out) {
  const TaskSpec& spec = run.job->spec.tasks[task];
  if (timed_out) {
    outcome.skipped = spec.skip_at_timeout;
    outcome.status = Done{};
    if (!spec.skip_at_timeout) {
      outcome.status = Error(ErrorKind::kTransient,
                             fmt::format("it took longer than its timeout of {} s",
                                         std::chrono::duration<double>(spec.timeout).count()));
    }
  }
  const bool ok = outcome.status.ok();
  TaskRow& row = run.row.tasks[task];
  const TaskRow before = row;
  row.ended = clock_.Now();
  row.seconds = std::chrono::duration<double>(row.ended - row.started).count();
  row.rows = outcome.rows;
  row.bytes = outcome.bytes;
  row.output = std::move(outcome.output);
  TaskState state = outcome.skipped ? TaskState::kSkipped : TaskState::kSucceeded;
  if (!ok) {
    const ErrorKind kind = outcome.status.error().kind();
    row.error = outcome.status.error().message();
    row.error_kind = NameOf(kind);
    ++row.failures;
    if (run.cancelling) {
      state = TaskState::kCancelled;
    } else if (MayRetry(spec.retry, row.failures, kind)) {
      state = TaskState::kRetrying;
    } else {
      state = kind == ErrorKind::kCancelled ? TaskState::kCancelled : TaskState::kFailed;
    }
  }
  Enter(run, task, state);
  TaskRow attempt = row;
  if (state == TaskState::kRetrying) {
    attempt.state = TaskState::kFailed;
    const auto delay = RetryDelay(spec.retry, row.failures, run.row.id + row.task);
    row.due = clock_.Now() + std::chrono::duration_cast<WallTime::duration>(delay);
    timers_.push({clock_.Monotonic() + delay, {run.row.id, row.task, row.attempt}, false});
    spdlog::warn("{}: task {} failed and is tried again in {:.0f} s: {}", run.row.id, row.task,
                 std::chrono::duration<double>(delay).count(), row.error);
  }
  store_.Record(run.row.id, attempt);
  store_.Move(run.row.id, before, row);
  if (ok && outcome.is_branch) SkipNotChosen(run, task, outcome.chosen);
  Settle(run, run.job->graph.After(task));
  FinishIfDone(run);
}

void Scheduler::SkipNotChosen(Run& run, std::size_t task, const std::vector<std::string>& chosen) {
  for (const std::size_t next : run.job->graph.After(task)) {
    const std::string& name = run.row.tasks[next].task;
    if (std::find(chosen.begin(), chosen.end(), name) != chosen.end()) continue;
    if (run.states[next] != TaskState::kWaiting) continue;
    Move(run, next, TaskState::kSkipped);
    Settle(run, run.job->graph.After(next));
  }
}

void Scheduler::CancelTasks(Run& run) {
  run.cancelling = true;
  for (std::size_t task = 0; task < run.states.size(); ++task) {
    if (run.states[task] == TaskState::kRunning && run.job->spec.tasks[task].child) {
      if (!CancelChild(run, task)) Move(run, task, TaskState::kCancelled);
    } else if (run.states[task] == TaskState::kRunning) {
      const TaskRow& row = run.row.tasks[task];
      cancels_.push_back({run.row.id, row.task, row.attempt});
    } else if (!IsEnd(run.states[task])) {
      Move(run, task, TaskState::kCancelled);
    }
  }
  FinishIfDone(run);
}

void Scheduler::FinishIfDone(Run& run) {
  if (run.row.state != RunState::kRunning) return;
  if (run.open > 0) return;
  run.row.state = RunState::kSucceeded;
  for (const TaskRow& task : run.row.tasks) {
    if (task.state == TaskState::kCancelled) run.row.state = RunState::kCancelled;
  }
  for (const TaskRow& task : run.row.tasks) {
    if (task.state != TaskState::kFailed) continue;
    if (!run.cancelling) run.row.state = RunState::kFailed;
    run.row.error =
        run.row.tasks.size() == 1 ? task.error : fmt::format("task {}: {}", task.task, task.error);
    break;
  }
  run.row.ended = clock_.Now();
  store_.Move(run.row, RunState::kRunning);
  TellParent(run.row);
  Job& job = *run.job;
  if (run.row.trigger == "asset") {
    constexpr int kRest = 3;
    job.rests_until = clock_.Monotonic() + kRest * (run.row.ended - run.row.started);
  }
  job.ActiveOf(run).erase(&run);
  if (IsBackfill(run)) --backfills_;
  runs_.erase(std::string(run.row.id));
  StartRuns(job);
  StartUpdated(job);
}

}  // namespace afluente::orchestrator
