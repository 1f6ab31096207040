// A scheduler that a unit test drives: a clock that is set by hand, tasks that end when the test
// says.
#pragma once

#include <map>
#include <memory>
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

}  // namespace afluente::orchestrator
