// A scheduler that a unit test drives: a clock that is set by hand, tasks that end when the test
// says.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/test_folder.h"
#include "orchestrator/run_store.h"
#include "orchestrator/scheduler/scheduler.h"

namespace afluente::orchestrator {

class FakeClock final : public Clock {
 public:
  WallTime Now() const override { return now_; }
  std::chrono::nanoseconds Monotonic() const override { return monotonic_; }
  void Advance(std::chrono::microseconds by) {
    now_ += by;
    monotonic_ += by;
  }
  /// The machine's clock is set; no time passes.
  void Set(WallTime now) { now_ = now; }

 private:
  WallTime now_{std::chrono::sys_days(std::chrono::year(2026) / 11 / 24)};
  std::chrono::nanoseconds monotonic_{0};
};

class FakeExecutor final : public Executor {
 public:
  void Start(const Attempt& attempt, OnEnded on_ended) override {
    started.push_back(attempt.ref.run + " " + attempt.ref.task);
    running[attempt.ref.run + " " + attempt.ref.task] = {attempt, std::move(on_ended)};
    ended.erase(attempt.ref.run + " " + attempt.ref.task);
  }
  void Cancel(const AttemptRef& attempt) override {
    cancelled.push_back(attempt.run + " " + attempt.task);
  }
  bool Adopt(const Attempt& attempt, OnEnded on_ended) override {
    const std::string name = attempt.ref.run + " " + attempt.ref.task;
    if (const auto found = ended.find(name); found != ended.end()) {
      on_ended(attempt.ref, found->second);
      return true;
    }
    const auto found = running.find(name);
    if (found == running.end()) return false;
    found->second.on_ended = std::move(on_ended);
    return true;
  }

  /// The process dies, and with it what does not outlive it.
  void Die() {
    if (outlives) return;
    running.clear();
    ended.clear();
  }

  void End(const std::string& name, AttemptOutcome outcome) {
    auto node = running.extract(name);
    if (node.empty()) throw std::runtime_error(name + " is not running");
    ended.insert_or_assign(name, outcome);
    node.mapped().on_ended(node.mapped().attempt.ref, std::move(outcome));
  }

  struct Running {
    Attempt attempt;
    OnEnded on_ended;
  };
  std::vector<std::string> started;  // "run task", in order.
  std::vector<std::string> cancelled;
  std::map<std::string, Running> running;
  std::map<std::string, AttemptOutcome> ended;
  bool outlives = false;  // Attempts outlive the process that began them.
};

inline AttemptOutcome Failed(ErrorKind kind, const std::string& text) {
  AttemptOutcome outcome;
  outcome.status = Error(kind, text);
  return outcome;
}

/// Fires at each full `period` of the Unix epoch.
inline std::function<std::optional<FireTime>(WallTime)> Every(std::chrono::minutes period) {
  return [period](WallTime after) {
    const auto number = after.time_since_epoch() / period + 1;
    const WallTime nominal(period * number);
    return std::optional<FireTime>({nominal, nominal, nominal - period});
  };
}

inline TaskSpec Task(const std::string& name, std::vector<std::string> after = {},
                     estate::TriggerRule rule = estate::TriggerRule::kAllSuccess) {
  TaskSpec task;
  task.name = name;
  task.kind = "fake";
  task.after = std::move(after);
  task.rule = rule;
  return task;
}

struct Crash {};  // Thrown at a step: what is not durable is lost.

class SchedulerTest : public testing::Test {
 protected:
  SchedulerTest() { Open(); }

  void Open() {
    scheduler_.reset();
    store_.reset();
    auto opened = RunStore::Open(folder_.path() / "runs.sqlite");
    EXPECT_TRUE(opened.ok());
    store_ = std::move(opened).value();
    SchedulerOptions options;
    options.max_tasks = max_tasks_;
    options.pools = pools_;
    options.at_step = [this](const char* step) {
      steps_.insert(step);
      if (crash_at_ == step) {
        crash_at_.clear();
        throw Crash();
      }
    };
    scheduler_ = std::make_unique<Scheduler>(store_->file(), executor_, clock_, options);
  }

  /// The process died; another one begins with the same estate.
  void Restart() {
    executor_.Die();
    Open();
    Start();
  }

  void Start() {
    const Status started = scheduler_->Start(jobs_);
    EXPECT_TRUE(started.ok()) << started.error().message();
  }

  void Tick() {
    const auto next = scheduler_->Tick();
    EXPECT_TRUE(next.ok()) << next.error().message();
  }

  void After(std::chrono::microseconds time) {
    clock_.Advance(time);
    Tick();
  }

  void End(const std::string& name, AttemptOutcome outcome = {}) {
    executor_.End(name, std::move(outcome));
    Tick();
  }

  JobSpec& Job(const std::string& name, std::vector<TaskSpec> tasks = {Task("main")}) {
    JobSpec& job = jobs_.emplace_back();
    job.name = name;
    job.mode = "fake";
    job.tasks = std::move(tasks);
    return job;
  }

  std::string Trigger(const std::string& job) {
    const auto id = scheduler_->Trigger(job, "manual", std::nullopt, "");
    EXPECT_TRUE(id.ok());
    Tick();
    return id.ok() ? id.value() : "";
  }

  std::vector<std::string> Runs(const std::string& job) {
    std::vector<std::string> runs;
    const auto history = store_->History(job, 100);
    for (auto it = history.value().rbegin(); it != history.value().rend(); ++it) {
      runs.push_back(it->id.substr(it->id.find('@') + 12, 5) + " " +
                     std::string(NameOf(it->state)));
    }
    return runs;
  }

  /// "task state" of each task of a run.
  std::vector<std::string> Tasks(const std::string& run) {
    std::vector<std::string> tasks;
    const auto rows =
        store_->file().Select("SELECT task || ' ' || state FROM tasks WHERE run = ?", {run});
    for (const auto& row : rows.value()) tasks.push_back(row.front());
    return tasks;
  }

  std::string RunState(const std::string& run) {
    const auto rows = store_->file().Select("SELECT state FROM runs WHERE id = ?", {run});
    return rows.value().empty() ? "none" : rows.value().front().front();
  }

  TestFolder folder_;
  FakeClock clock_;
  FakeExecutor executor_;
  int max_tasks_ = 16;
  std::map<std::string, int> pools_;
  std::vector<JobSpec> jobs_;
  std::string crash_at_;
  std::set<std::string> steps_;
  std::unique_ptr<RunStore> store_;
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace afluente::orchestrator
