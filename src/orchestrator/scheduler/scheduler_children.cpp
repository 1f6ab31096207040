// Tasks that are runs of other jobs. Whatever ends or begins a run may be in the middle of another
// one: parents and children hear of each other when that is done.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "orchestrator/scheduler/scheduler_state.h"

namespace afluente::orchestrator {
namespace {

constexpr std::string_view kPrefix = "dag:";

std::string TriggerOf(const std::string& job, const std::string& task) {
  return fmt::format("{}{}.{}", kPrefix, job, task);
}

AttemptOutcome OutcomeOf(const JobRun& child) {
  AttemptOutcome outcome;
  outcome.skipped = child.state == RunState::kSkipped;
  if (child.state == RunState::kFailed || child.state == RunState::kCancelled) {
    const bool cancelled = child.state == RunState::kCancelled;
    outcome.status = Error(cancelled ? ErrorKind::kCancelled : ErrorKind::kInternal,
                           fmt::format("run {} {}{}{}", child.id, NameOf(child.state),
                                       child.error.empty() ? "" : ": ", child.error));
  }
  return outcome;
}

}  // namespace

std::string Scheduler::ChildId(const Run& run, std::size_t task) {
  const TaskSpec& spec = run.job->spec.tasks[task];
  return RunId(spec.child->job, run.row.nominal, TriggerOf(run.row.job, spec.name));
}

void Scheduler::BeginChild(Run& run, std::size_t task) {
  TaskRow& row = run.row.tasks[task];
  const TaskRow before = row;
  Enter(run, task, TaskState::kRunning);
  ++row.attempt;
  row.started = clock_.Now();
  row.due = row.ended = WallTime();
  row.error.clear();
  row.error_kind.clear();
  store_.Move(run.row.id, before, row);
  child_starts_.push_back({run.row.id, row.task, row.attempt});
  const TaskSpec& spec = run.job->spec.tasks[task];
  if (spec.timeout.count() > 0) {
    timers_.push({clock_.Monotonic() + spec.timeout, child_starts_.back(), true});
  }
  options_.wake();
}

// The same occasion has the same run, whoever asks for it and however often.
void Scheduler::StartChild(Run& run, std::size_t task) {
  const ChildRun& child = *run.job->spec.tasks[task].child;
  const auto fail = [&](Error error) {
    AttemptOutcome outcome;
    outcome.status = std::move(error);
    Conclude(run, task, std::move(outcome), false);
  };
  const auto job = FindJob(child.job);
  if (!job.ok()) return fail(job.error());
  auto params = child.params(AttemptOf(run, task));
  if (!params.ok()) return fail(params.error());
  const std::string id = ChildId(run, task);
  if (runs_.contains(id)) return;
  const std::string trigger = TriggerOf(run.row.job, run.row.tasks[task].task);
  if (!store_.Exists(id)) {
    const FireTime occasion = {run.row.nominal, run.row.nominal, run.row.interval_start};
    CreateRun(*job.value(), occasion, trigger, params.value());
    StartRuns(*job.value());
    return;
  }
  auto loaded = Load(id);
  if (!loaded.ok()) return fail(loaded.error());
  Run& made = *loaded.value();
  std::vector<std::size_t> again;
  for (std::size_t one = 0; one < made.states.size(); ++one) {
    const bool went_well =
        made.states[one] == TaskState::kSucceeded || made.states[one] == TaskState::kSkipped;
    if (!went_well) again.push_back(one);
  }
  const TaskRow& row = run.row.tasks[task];
  const bool is_done =
      made.row.state == RunState::kSucceeded || made.row.state == RunState::kSkipped;
  // Somebody runs the task again on purpose.
  if (is_done && row.attempt > 1 && made.row.ended < row.started) {
    again.resize(made.states.size());
    std::iota(again.begin(), again.end(), std::size_t{0});
  } else if (is_done) {
    AttemptOutcome outcome = OutcomeOf(made.row);
    runs_.erase(id);
    return Conclude(run, task, std::move(outcome), false);
  }
  Reopen(made, again);
}

// False when there is nothing to cancel.
bool Scheduler::CancelChild(Run& run, std::size_t task) {
  const auto child = runs_.find(ChildId(run, task));
  if (child == runs_.end()) return false;
  if (child->second->row.state == RunState::kQueued) {
    CancelQueued(*child->second);
  } else {
    CancelTasks(*child->second);
  }
  return true;
}

void Scheduler::TellParent(const JobRun& child) {
  if (!child.trigger.starts_with(kPrefix)) return;
  child_ends_.push_back(child);
  options_.wake();
}

void Scheduler::EndParentTask(const JobRun& child) {
  const std::string_view parent = std::string_view(child.trigger).substr(kPrefix.size());
  const std::size_t dot = parent.find('.');
  const auto job = jobs_.find(std::string(parent.substr(0, dot)));
  if (job == jobs_.end() || dot == std::string_view::npos) return;
  // Ids: the end of one parent may end another.
  std::vector<std::string> parents;
  for (const std::set<Run*>* active : {&job->second->active, &job->second->backfill_active}) {
    for (const Run* run : *active) parents.push_back(run->row.id);
  }
  for (const std::string& id : parents) {
    const auto found = runs_.find(id);
    if (found == runs_.end()) continue;
    Run* run = found->second.get();
    for (std::size_t task = 0; task < run->states.size(); ++task) {
      const TaskSpec& spec = run->job->spec.tasks[task];
      const bool waits =
          run->states[task] == TaskState::kRunning && spec.child && ChildId(*run, task) == child.id;
      if (!waits) continue;
      const bool timed_out = run->timed_out.erase(task) > 0;
      AttemptOutcome outcome = OutcomeOf(child);
      const bool is_too_late = timed_out && !outcome.status.ok();
      Conclude(*run, task, std::move(outcome), is_too_late);
      break;
    }
  }
}

void Scheduler::TakeChildren() {
  while (!child_starts_.empty() || !child_ends_.empty()) {
    const std::vector<AttemptRef> starts = std::exchange(child_starts_, {});
    for (const AttemptRef& ref : starts) {
      WithAttempt(ref, [&](Run& run, std::size_t task) {
        if (run.states[task] == TaskState::kRunning) StartChild(run, task);
      });
    }
    const std::vector<JobRun> ends = std::exchange(child_ends_, {});
    for (const JobRun& child : ends) EndParentTask(child);
  }
}

}  // namespace afluente::orchestrator
