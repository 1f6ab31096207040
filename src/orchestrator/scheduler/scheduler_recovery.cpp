// What an earlier process left is taken up.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <unordered_map>

#include "orchestrator/scheduler/scheduler_state.h"

namespace afluente::orchestrator {

std::unique_ptr<Scheduler::Run> Scheduler::MakeRun(Job& job, JobRun row) {
  auto run = std::make_unique<Run>();
  run->job = &job;
  run->row = std::move(row);
  for (const TaskRow& task : run->row.tasks) {
    run->states.push_back(task.state);
    if (!IsEnd(task.state)) ++run->open;
  }
  run->entered.resize(run->states.size());
  return run;
}

// The tasks as the job has them now. One that is new waits; one that is gone
// counts no more.
void Scheduler::FitToJob(const Job& job, JobRun& row) {
  std::vector<TaskRow> tasks(job.spec.tasks.size());
  for (TaskRow& task : row.tasks) {
    if (const auto place = job.graph.Find(task.task)) tasks[*place] = std::move(task);
  }
  for (std::size_t place = 0; place < tasks.size(); ++place) {
    if (!tasks[place].task.empty()) continue;
    tasks[place].task = job.spec.tasks[place].name;
    store_.CreateTask(row.id, tasks[place]);
  }
  row.tasks = std::move(tasks);
}

void Scheduler::AddOwnPools(JobSpec& job) {
  for (TaskSpec& task : job.tasks) {
    if (task.own_slots == 0) continue;
    task.pool = job.name + "." + task.pool;
    auto& pool = pools_[task.pool];
    if (pool == nullptr) pool = std::make_unique<Pool>();
    pool->slots = pool->free = task.own_slots;
  }
}

Status Scheduler::Start(std::vector<JobSpec> jobs) {
  const std::scoped_lock lock(mutex_);
  AFL_ASSIGN(const std::vector<JobRow> rows, store_.Jobs());
  std::unordered_map<std::string, const JobRow*> known;
  for (const JobRow& row : rows) known[row.job] = &row;
  const WallTime now = clock_.Now();
  for (JobSpec& spec : jobs) {
    auto graph = TaskGraph::Make(spec.tasks);
    if (!graph.ok()) {
      return std::move(graph).Within([&] { return "job " + spec.name; }).error();
    }
    AddOwnPools(spec);
    auto job = std::make_unique<Job>();
    job->graph = std::move(graph).value();
    job->spec = std::move(spec);
    const auto found = known.find(job->spec.name);
    const bool is_known = found != known.end();
    if (is_known) job->row = *found->second;
    const bool edited = is_known && job->row.schedule != job->spec.schedule_text;
    const bool starts_now = !is_known || edited || job->row.paused ||
                            job->spec.policy.catch_up == estate::CatchUp::kNone;
    if (options_.only_triggered) {
      job->row.paused = false;
      job->spec.next_fire = nullptr;
      job->row.job = job->spec.name;
      jobs_[job->spec.name] = std::move(job);
      continue;
    }
    if (starts_now) job->row.high_water = std::max(job->row.high_water, now);
    if (edited) {
      spdlog::info("{}: its schedule was edited; it fires from now on", job->spec.name);
    }
    job->row.job = job->spec.name;
    job->row.schedule = std::move(job->spec.schedule_text);
    if (starts_now) store_.Put(job->row);
    if (!job->spec.on_asset.empty()) by_asset_.emplace(job->spec.on_asset, job.get());
    jobs_[job->spec.name] = std::move(job);
  }
  AFL_ASSIGN(std::vector<JobRun> unfinished, store_.Unfinished());
  for (JobRun& row : unfinished) TakeUp(std::move(row));
  for (const auto& [name, job] : jobs_) {
    StartRuns(*job);
    Schedule(*job);
  }
  return FlushFor("");
}

void Scheduler::TakeUp(JobRun row) {
  const auto found = jobs_.find(row.job);
  if (found == jobs_.end() && options_.only_triggered) return;
  if (found == jobs_.end()) {
    const RunState before = row.state;
    row.state = RunState::kCancelled;
    row.error = "its job is no longer in the estate";
    row.ended = clock_.Now();
    store_.Move(row, before);
    TellParent(row);
    return;
  }
  Job& job = *found->second;
  FitToJob(job, row);
  auto made = MakeRun(job, std::move(row));
  Run& run = *made;
  runs_[run.row.id] = std::move(made);
  if (run.row.state == RunState::kQueued) {
    job.QueueOf(run).push_back(&run);
    if (IsBackfill(run)) backfilling_.insert(&job);
    return;
  }
  job.ActiveOf(run).insert(&run);
  if (IsBackfill(run)) ++backfills_;
  for (std::size_t task = 0; task < run.states.size(); ++task) TakeUpTask(run, task);
  SettleAll(run);
  FinishIfDone(run);
}

void Scheduler::TakeUpTask(Run& run, std::size_t task) {
  const TaskRow& row = run.row.tasks[task];
  const TaskSpec& spec = run.job->spec.tasks[task];
  const AttemptRef attempt = {run.row.id, row.task, row.attempt};
  const auto add_timeout = [&] {
    if (spec.timeout.count() == 0) return;
    const auto left = std::max(row.started + spec.timeout - clock_.Now(), WallTime::duration(0));
    timers_.push({clock_.Monotonic() + left, attempt, true});
  };
  if (row.asks_again()) add_timeout();
  if (row.state == TaskState::kReady) MakeReady(run, task);
  if (row.state == TaskState::kRetrying) {
    const auto left = std::max(row.due - clock_.Now(), WallTime::duration(0));
    timers_.push({clock_.Monotonic() + left, attempt, false});
  }
  if (row.state != TaskState::kRunning) return;
  if (spec.child) {
    child_starts_.push_back(attempt);
    add_timeout();
    return;
  }
  const bool adopted = executor_.Adopt(
      AttemptOf(run, task),
      [this](const AttemptRef& ref, AttemptOutcome outcome) { OnEnded(ref, std::move(outcome)); });
  if (!adopted) {
    // Work inside the process ended with it and goes on from its checkpoint.
    MakeReady(run, task);
    return;
  }
  Pool& pool = PoolOf(spec);
  pool.free -= std::min(spec.slots, pool.slots);
  --free_tasks_;
  if (!row.asks_again()) add_timeout();
}

// Somebody else changed a row of it: what the store says counts, once nothing
// of the run is left here.
void Scheduler::Lose(const std::string& id) {
  spdlog::error(
      "run {}: somebody else changed it in the run store; it goes on from what stands there", id);
  std::erase_if(cancels_, [&](const AttemptRef& ref) { return ref.run == id; });
  const auto found = runs_.find(id);
  if (found == runs_.end()) {
    std::erase_if(starts_, [&](const Attempt& attempt) { return attempt.ref.run == id; });
    return TakeUpLost(id);
  }
  Run& run = *found->second;
  Job& job = *run.job;
  std::vector<LostAttempt> left;
  for (std::size_t task = 0; task < run.states.size(); ++task) {
    // A child's run is its own.
    if (run.states[task] != TaskState::kRunning || job.spec.tasks[task].child) continue;
    const AttemptRef ref = {id, run.row.tasks[task].task, run.row.tasks[task].attempt};
    const auto not_started =
        std::erase_if(starts_, [&](const Attempt& attempt) { return attempt.ref == ref; });
    if (not_started > 0) {
      LeaveRunning(run, task);
      continue;
    }
    const TaskSpec& spec = job.spec.tasks[task];
    Pool& pool = PoolOf(spec);
    left.push_back({ref, &pool, std::min(spec.slots, pool.slots)});
    cancels_.push_back(ref);
  }
  std::erase(job.QueueOf(run), &run);
  const bool was_active = job.ActiveOf(run).erase(&run) > 0;
  if (was_active && IsBackfill(run)) --backfills_;
  runs_.erase(found);
  if (left.empty()) return TakeUpLost(id);
  lost_[id] = std::move(left);
  StartRuns(job);
}

bool Scheduler::LeaveLost(const AttemptRef& ref) {
  const auto found = lost_.find(ref.run);
  if (found == lost_.end()) return false;
  const auto ended = std::find_if(found->second.begin(), found->second.end(),
                                  [&](const LostAttempt& one) { return one.ref == ref; });
  if (ended == found->second.end()) return false;
  ended->pool->free += ended->slots;
  ++free_tasks_;
  found->second.erase(ended);
  if (!found->second.empty()) return true;
  lost_.erase(found);
  TakeUpLost(ref.run);
  return true;
}

void Scheduler::TakeUpLost(const std::string& id) {
  Result<JobRun> row = store_.Find(id);
  if (!row.ok()) {
    spdlog::error("run {}: {}", id, row.error().message());
    return;
  }
  const auto found = jobs_.find(row.value().job);
  const RunState state = row.value().state;
  if (state == RunState::kQueued || state == RunState::kRunning) TakeUp(std::move(row).value());
  if (found != jobs_.end()) StartRuns(*found->second);
}

}  // namespace afluente::orchestrator
