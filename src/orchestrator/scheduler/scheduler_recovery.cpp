// What an earlier process left is taken up.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

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

// The tasks as the job has them now. One that is new waits; one that is gone counts no more.
void Scheduler::FitToJob(const Job& job, JobRun& row) {
  std::vector<TaskRow> tasks;
  for (const TaskSpec& spec : job.spec.tasks) {
    const auto found = std::find_if(row.tasks.begin(), row.tasks.end(),
                                    [&](const TaskRow& task) { return task.task == spec.name; });
    if (found != row.tasks.end()) {
      tasks.push_back(std::move(*found));
      continue;
    }
    TaskRow& made = tasks.emplace_back();
    made.task = spec.name;
    store_.CreateTask(row.id, made);
  }
  row.tasks = std::move(tasks);
}

Status Scheduler::Start(std::vector<JobSpec> jobs) {
  const std::scoped_lock lock(mutex_);
  AFL_ASSIGN(const std::vector<JobRow> known, store_.Jobs());
  const WallTime now = clock_.Now();
  for (JobSpec& spec : jobs) {
    auto graph = TaskGraph::Make(spec.tasks);
    if (!graph.ok()) {
      return std::move(graph).Within([&] { return "job " + spec.name; }).error();
    }
    auto job = std::make_unique<Job>();
    job->graph = std::move(graph).value();
    job->spec = std::move(spec);
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](const JobRow& row) { return row.job == job->spec.name; });
    const bool is_known = found != known.end();
    if (is_known) job->row = *found;
    const bool edited = is_known && found->schedule != job->spec.schedule_text;
    const bool starts_now = !is_known || edited || job->row.paused ||
                            job->spec.policy.catch_up == estate::CatchUp::kNone;
    if (starts_now) job->row.high_water = std::max(job->row.high_water, now);
    if (edited) {
      spdlog::info("{}: its schedule was edited; it fires from now on", job->spec.name);
    }
    job->row.job = job->spec.name;
    job->row.schedule = job->spec.schedule_text;
    if (starts_now) store_.Put(job->row);
    jobs_[job->spec.name] = std::move(job);
  }
  AFL_ASSIGN(std::vector<JobRun> unfinished, store_.Unfinished());
  for (JobRun& row : unfinished) TakeUp(std::move(row));
  for (const auto& [name, job] : jobs_) {
    StartRuns(*job);
    Schedule(*job);
  }
  return FlushAndStart();
}

void Scheduler::TakeUp(JobRun row) {
  const auto found = jobs_.find(row.job);
  if (found == jobs_.end()) {
    const RunState before = row.state;
    row.state = RunState::kCancelled;
    row.error = "its job is no longer in the estate";
    row.ended = clock_.Now();
    store_.Move(row, before);
    return;
  }
  Job& job = *found->second;
  FitToJob(job, row);
  auto made = MakeRun(job, std::move(row));
  Run& run = *made;
  runs_[run.row.id] = std::move(made);
  if (run.row.state == RunState::kQueued) {
    job.queue.push_back(&run);
    return;
  }
  job.active.insert(&run);
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

}  // namespace afluente::orchestrator
