#include "orchestrator/simulation/simulation.h"

#include <algorithm>
#include <limits>
#include <queue>
#include <tuple>

#include "orchestrator/scheduler/scheduler.h"

namespace afluente::orchestrator {
namespace {

class JumpingClock final : public Clock {
 public:
  explicit JumpingClock(WallTime from) : origin_(from), now_(from) {}
  WallTime Now() const override { return now_; }
  std::chrono::nanoseconds Monotonic() const override { return now_ - origin_; }
  void JumpTo(WallTime time) { now_ = std::max(now_, time); }
  WallTime At(std::chrono::nanoseconds monotonic) const {
    return origin_ + std::chrono::ceil<WallTime::duration>(monotonic);
  }

 private:
  const WallTime origin_;
  WallTime now_;
};

// Tasks that do nothing for as long as they take.
class WaitingExecutor final : public Executor {
 public:
  using Duration =
      std::function<std::chrono::microseconds(const std::string& job, const std::string& task)>;
  WaitingExecutor(const Clock& clock, Duration duration)
      : clock_(clock), duration_(std::move(duration)) {}

  void Start(const Attempt& attempt, OnEnded on_ended) override {
    const std::uint64_t number = ++started_;
    ends_.push({clock_.Now() + duration_(attempt.job, attempt.ref.task), number});
    running_.emplace(number, Running{attempt, std::move(on_ended), {}});
  }
  void Cancel(const AttemptRef& attempt) override {
    for (auto& [number, running] : running_) {
      if (running.attempt.ref != attempt) continue;
      running.outcome.status = Error(ErrorKind::kCancelled, "it was asked to end");
      ends_.push({clock_.Now(), number});
    }
  }
  bool Adopt(const Attempt& /*attempt*/, OnEnded /*on_ended*/) override { return false; }

  /// When the next one ends.
  std::optional<WallTime> next() const {
    return ends_.empty() ? std::nullopt : std::optional(ends_.top().at);
  }
  /// Ends what has taken its time; calls `ended` with each that got done.
  void EndDue(const std::function<void(const Attempt&)>& ended) {
    while (!ends_.empty() && ends_.top().at <= clock_.Now()) {
      auto node = running_.extract(ends_.top().number);
      ends_.pop();
      if (node.empty()) continue;  // Cancelled before.
      Running& running = node.mapped();
      if (running.outcome.status.ok()) ended(running.attempt);
      running.on_ended(running.attempt.ref, std::move(running.outcome));
    }
  }

 private:
  struct Running {
    Attempt attempt;
    OnEnded on_ended;
    AttemptOutcome outcome;
  };
  struct End {
    WallTime at{};
    std::uint64_t number = 0;
    bool operator>(const End& other) const {
      return at != other.at ? at > other.at : number > other.number;
    }
  };

  const Clock& clock_;
  const Duration duration_;
  std::uint64_t started_ = 0;
  std::map<std::uint64_t, Running> running_;
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
};

const TaskSpec* FindTask(const JobSpec& job, const std::string& name) {
  const auto found = std::find_if(job.tasks.begin(), job.tasks.end(),
                                  [&](const TaskSpec& task) { return task.name == name; });
  return found == job.tasks.end() ? nullptr : &*found;
}

SimulatedRun ToSimulated(const JobRun& row, const JobSpec& job) {
  SimulatedRun run{row.id,      row.job,     row.trigger, row.state, row.error,
                   row.created, row.started, row.ended,   {}};
  std::map<std::string, const TaskRow*> rows;
  for (const TaskRow& task : row.tasks) rows[task.task] = &task;
  for (const TaskSpec& spec : job.tasks) {
    SimulatedTask& task = run.tasks.emplace_back();
    task.task = spec.name;
    task.pool = spec.pool;
    task.slots = spec.child ? 0 : spec.slots;
    task.writes = spec.writes;
    const auto found = rows.find(spec.name);
    if (found == rows.end() || row.started == WallTime()) continue;
    task.started = found->second->started;
    task.ended = found->second->ended;
    task.ready = row.started;
    for (const std::string& before : spec.after) {
      const auto one = rows.find(before);
      if (one == rows.end() || task.ready == WallTime()) continue;
      const WallTime ended = one->second->ended;
      task.ready = ended == WallTime() ? WallTime() : std::max(task.ready, ended);
    }
  }
  return run;
}

}  // namespace

Result<Timeline> Simulate(std::vector<JobSpec> jobs, const SimulationOptions& options) {
  std::map<std::string, JobSpec> specs;
  for (const JobSpec& job : jobs) specs.emplace(job.name, job);
  AFL_ASSIGN(const auto store, RunStore::Open(":memory:"));
  // What is due at `from` belongs to it.
  JumpingClock clock(options.from - std::chrono::microseconds(1));
  WaitingExecutor executor(clock, options.duration);
  SchedulerOptions scheduling;
  scheduling.max_tasks = options.max_tasks;
  scheduling.pools = options.pools;
  Scheduler scheduler(store->file(), executor, clock, std::move(scheduling));
  AFL_TRY(scheduler.Start(std::move(jobs)));

  Timeline timeline{options.from, options.to, {}, false};
  std::size_t moments = 0;
  while (true) {
    AFL_ASSIGN(const NextTick next, scheduler.Tick());
    std::optional<WallTime> at = next.at;
    const auto sooner = [&](std::optional<WallTime> other) {
      if (other && (!at || *other < *at)) at = other;
    };
    sooner(executor.next());
    if (next.timer) sooner(clock.At(*next.timer));
    if (!at || *at >= options.to) break;
    if (++moments > options.moments_max) {
      timeline.is_cut = true;
      timeline.to = clock.Now();
      break;
    }
    clock.JumpTo(*at);
    executor.EndDue([&](const Attempt& attempt) {
      const TaskSpec* task = FindTask(specs.at(attempt.job), attempt.ref.task);
      if (task != nullptr && !task->writes.empty()) scheduler.Updated(task->writes);
    });
  }
  AFL_ASSIGN(auto rows, JobStore(store->file()).Recent("", std::numeric_limits<int>::max()));
  for (const JobRun& row : rows) timeline.runs.push_back(ToSimulated(row, specs.at(row.job)));
  std::stable_sort(timeline.runs.begin(), timeline.runs.end(),
                   [](const SimulatedRun& a, const SimulatedRun& b) {
                     return std::tie(a.due, a.id) < std::tie(b.due, b.id);
                   });
  return timeline;
}

}  // namespace afluente::orchestrator
