#include "orchestrator/scheduler/scheduler.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/names.h"
#include "orchestrator/scheduler/scheduler_state.h"

namespace afluente::orchestrator {

Scheduler::Scheduler(SqliteFile& file, Executor& executor, const Clock& clock,
                     SchedulerOptions options)
    : executor_(executor),
      clock_(clock),
      options_(std::move(options)),
      store_(file),
      free_tasks_(options_.max_tasks) {
  pools_[""] = std::make_unique<Pool>();
  pools_[""]->slots = pools_[""]->free = options_.max_tasks;
  for (const auto& [name, slots] : options_.pools) {
    pools_[name] = std::make_unique<Pool>();
    pools_[name]->slots = pools_[name]->free = slots;
  }
}

Scheduler::~Scheduler() = default;

Result<Scheduler::Job*> Scheduler::FindJob(const std::string& name) {
  const auto found = jobs_.find(name);
  if (found != jobs_.end()) return found->second.get();
  std::vector<std::string> names;
  for (const auto& [known, job] : jobs_) names.push_back(known);
  return Error(ErrorKind::kNotFound,
               fmt::format("there is no job {}{}", name, DidYouMean(name, names)));
}

void Scheduler::WithAttempt(const AttemptRef& ref,
                            const std::function<void(Run&, std::size_t)>& found) {
  const auto run = runs_.find(ref.run);
  if (run == runs_.end()) return;
  const auto task = run->second->job->graph.Find(ref.task);
  if (task && run->second->row.tasks[*task].attempt == ref.attempt) found(*run->second, *task);
}

void Scheduler::OnEnded(const AttemptRef& ref, AttemptOutcome outcome) {
  {
    const std::scoped_lock lock(ends_mutex_);
    ends_.push_back({ref, std::move(outcome)});
  }
  options_.wake();
}

void Scheduler::Updated(const std::string& table) {
  {
    const std::scoped_lock lock(ends_mutex_);
    if (!updates_.insert(table).second) return;
  }
  options_.wake();
}

// From the high-water mark, not from now: a clock that is set back fires nothing twice.
void Scheduler::Schedule(Job& job) {
  job.next = job.spec.next_fire ? job.spec.next_fire(job.row.high_water) : std::nullopt;
  if (job.next) fires_.push({job.next->at, &job});
}

void Scheduler::TakeEnds() {
  std::vector<Ended> ends;
  {
    const std::scoped_lock lock(ends_mutex_);
    ends.swap(ends_);
  }
  if (!ends.empty()) options_.at_step("process_ended");
  has_new_ends_ = has_new_ends_ || !ends.empty();
  for (Ended& ended : ends) {
    if (LeaveLost(ended.ref)) continue;
    WithAttempt(ended.ref, [&](Run& run, std::size_t task) {
      if (run.states[task] == TaskState::kRunning) End(run, task, std::move(ended.outcome));
    });
  }
}

void Scheduler::TakeUpdates() {
  std::set<std::string> updates;
  {
    const std::scoped_lock lock(ends_mutex_);
    updates.swap(updates_);
  }
  for (const std::string& table : updates) {
    const auto [begin, end] = by_asset_.equal_range(table);
    for (auto it = begin; it != end; ++it) {
      it->second->updated = true;
      StartUpdated(*it->second);
    }
  }
}

// All that a job missed is decided about at once, as its policy says.
void Scheduler::TakeFires(WallTime now) {
  while (!fires_.empty() && fires_.top().at <= now) {
    const Fire fire = fires_.top();
    fires_.pop();
    Job& job = *fire.job;
    if (!job.next || job.next->at != fire.at) continue;  // Of an earlier schedule.
    std::vector<FireTime> due;
    std::uint64_t missed = 0;
    const estate::RunPolicy& policy = job.spec.policy;
    auto next = job.next;
    const WallTime window = now - policy.catch_up_window;
    if (next->at < window) {
      // Years of fire times are not gone through one by one.
      const auto recent = job.spec.next_fire(window);
      const bool is_latest_recent = recent && recent->at <= now;
      if (policy.catch_up == estate::CatchUp::kAll || is_latest_recent) {
        ++missed;
        job.row.high_water = window;
        next = recent;
      }
    }
    for (; next && next->at <= now; next = job.spec.next_fire(next->nominal)) {
      job.row.high_water = next->nominal;
      if (policy.catch_up != estate::CatchUp::kAll) {
        missed += due.size();
        due.clear();
      }
      due.push_back(*next);
    }
    if (job.row.paused) {
      missed = 0;
      due.clear();
    }
    if (missed > 0) {
      job.row.missed += missed;
      spdlog::warn("{}: fire times passed while nobody was there and are let go: {} or more",
                   job.spec.name, missed);
    }
    store_.Put(job.row);
    for (const FireTime& one : due) CreateRun(job, one, "schedule", "");
    Schedule(job);
    StartRuns(job);
  }
}

void Scheduler::TakeTimers(std::chrono::nanoseconds now) {
  while (!timers_.empty() && timers_.top().at <= now) {
    const Timer timer = timers_.top();
    timers_.pop();
    if (timer.rested != nullptr) {
      timer.rested->is_resting = false;
      StartUpdated(*timer.rested);
    }
    WithAttempt(timer.ref, [&](Run& run, std::size_t task) {
      const TaskState state = run.states[task];
      if (!timer.is_timeout && state == TaskState::kRetrying) MakeReady(run, task);
      if (timer.is_timeout && state == TaskState::kRunning) {
        run.timed_out.insert(task);
        if (!run.job->spec.tasks[task].child) {
          cancels_.push_back(timer.ref);
        } else if (!CancelChild(run, task)) {
          run.timed_out.erase(task);
          Conclude(run, task, AttemptOutcome(), true);
        }
      } else if (timer.is_timeout && run.row.tasks[task].asks_again()) {
        Conclude(run, task, AttemptOutcome(), true);
      }
    });
  }
}

Attempt Scheduler::AttemptOf(const Run& run, std::size_t task) const {
  const TaskRow& row = run.row.tasks[task];
  return {{run.row.id, row.task, row.attempt},
          run.row.job,
          run.row.trigger,
          run.row.interval_start,
          run.row.nominal,
          run.row.params};
}

// The cost follows what starts: a task that waits for a slot is looked at when it is the next one.
void Scheduler::Dispatch() {
  while (free_tasks_ > 0 && !shutting_down_) {
    Pool* best = nullptr;
    for (const auto& [name, pool] : pools_) {
      while (!pool->ready.empty()) {
        const Pool::Entry& entry = pool->ready.top();
        const auto found = runs_.find(entry.run);
        const bool counts = found != runs_.end() &&
                            found->second->states[entry.task] == TaskState::kReady &&
                            found->second->entered[entry.task] == entry.sequence;
        if (counts) break;
        pool->ready.pop();
      }
      if (pool->ready.empty()) continue;
      const Pool::Entry& entry = pool->ready.top();
      const Run& run = *runs_.at(entry.run);
      const int slots = std::min(run.job->spec.tasks[entry.task].slots, pool->slots);
      if (pool->free < slots) continue;
      if (best == nullptr || best->ready.top() < entry) best = pool.get();
    }
    if (best == nullptr) return;
    const Pool::Entry entry = best->ready.top();
    best->ready.pop();
    Run& run = *runs_.at(entry.run);
    const TaskSpec& spec = run.job->spec.tasks[entry.task];
    best->free -= std::min(spec.slots, best->slots);
    --free_tasks_;
    TaskRow& row = run.row.tasks[entry.task];
    const TaskRow before = row;
    const bool is_again = row.asks_again();
    Enter(run, entry.task, TaskState::kRunning);
    if (!is_again) {
      ++row.attempt;
      row.started = clock_.Now();
      row.due = row.ended = WallTime();
    }
    row.error.clear();
    row.error_kind.clear();
    store_.Move(run.row.id, before, row);
    starts_.push_back(AttemptOf(run, entry.task));
    if (spec.timeout.count() > 0 && !is_again) {
      timers_.push({clock_.Monotonic() + spec.timeout, starts_.back().ref, true});
    }
  }
}

Result<std::vector<std::string>> Scheduler::FlushAndStart() {
  if (has_new_runs_) options_.at_step("tick_created");
  AFL_ASSIGN(const std::vector<std::string> lost, store_.Flush());
  if (std::exchange(has_new_runs_, false)) options_.at_step("run_created");
  const bool had_ends = std::exchange(has_new_ends_, false);
  if (had_ends) options_.at_step("result_recorded");
  for (const std::string& id : lost) Lose(id);
  for (const Attempt& attempt : starts_) {
    options_.at_step("task_leased");
    executor_.Start(attempt, [this](const AttemptRef& ref, AttemptOutcome outcome) {
      OnEnded(ref, std::move(outcome));
    });
    options_.at_step("process_started");
  }
  if (had_ends) options_.at_step("downstream_released");
  starts_.clear();
  for (const AttemptRef& ref : cancels_) executor_.Cancel(ref);
  cancels_.clear();
  if (!lost.empty()) options_.wake();
  return lost;
}

// What somebody asked for, and what else has to be written.
Status Scheduler::FlushFor(const std::string& run) {
  AFL_ASSIGN(const std::vector<std::string> lost, FlushAndStart());
  options_.wake();
  if (std::find(lost.begin(), lost.end(), run) == lost.end()) return Done{};
  return Error(ErrorKind::kInternal,
               fmt::format("somebody else changed run {} in the run store, and nothing was done; "
                           "look at it with `afluente runs {}` and try again",
                           run, run));
}

Result<NextTick> Scheduler::Tick() {
  const std::scoped_lock lock(mutex_);
  TakeEnds();
  if (!shutting_down_) {
    TakeUpdates();
    TakeFires(clock_.Now());
    TakeTimers(clock_.Monotonic());
    StartBackfills();
    TakeChildren();
    Dispatch();
  }
  AFL_TRY(FlushAndStart());
  NextTick next;
  if (!fires_.empty()) next.at = fires_.top().at;
  if (!timers_.empty()) next.timer = timers_.top().at;
  return next;
}

void Scheduler::BeginShutdown() {
  const std::scoped_lock lock(mutex_);
  shutting_down_ = true;
}

std::set<std::string> Scheduler::assets() const {
  const std::scoped_lock lock(mutex_);
  std::set<std::string> tables;
  for (const auto& [table, job] : by_asset_) tables.insert(table);
  return tables;
}

std::size_t Scheduler::running() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(options_.max_tasks - free_tasks_);
}

}  // namespace afluente::orchestrator
