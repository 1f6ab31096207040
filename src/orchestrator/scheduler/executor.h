// Who does what a task says.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "orchestrator/scheduler/job.h"

namespace afluente::orchestrator {

/// What triggers a run that makes up for an interval long past.
inline constexpr const char* kBackfillTrigger = "backfill";

/// One attempt of one task.
struct AttemptRef {
  std::string run;
  std::string task;
  int attempt = 0;
  bool operator==(const AttemptRef&) const = default;
};

/// What an executor is told.
struct Attempt {
  AttemptRef ref;
  std::string job;
  std::string trigger;
  WallTime interval_start{};
  WallTime nominal{};
  std::string params;  // JSON; "" for none.
};

/// How an attempt ended.
struct AttemptOutcome {
  Status status = Done{};
  bool skipped = false;  // Succeeded by not being needed.
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::string output;  // JSON for later tasks; "" for none.
  /// Of a branch: the tasks right after it that run; the others are skipped.
  std::vector<std::string> chosen;
  bool is_branch = false;
  /// Above 0: not yet. The same attempt is started again so much later; until then it holds no
  /// slot. It counts as no failure and is not recorded; the timeout goes on from its first start.
  /// Of `status` only an error's text counts: what is waited for. 0: the attempt ended.
  std::chrono::milliseconds again_after{0};
};

/// Thread-safe. Implementations call back from threads of their own, never
/// from within these functions.
class Executor {
 public:
  virtual ~Executor() = default;
  using OnEnded = std::function<void(const AttemptRef&, AttemptOutcome)>;

  /// Begins; `on_ended` is called once.
  virtual void Start(const Attempt& attempt, OnEnded on_ended) = 0;
  /// Asks an attempt to end early. It ends in its own time, kCancelled if it did
  /// not get done. Unknown ones are ignored.
  virtual void Cancel(const AttemptRef& attempt) = 0;
  /// Takes up an attempt that an earlier process began. True: it is running or
  /// has ended meanwhile, and `on_ended` is called once. False: it never began or
  /// ended with that process, and will not begin any more.
  virtual bool Adopt(const Attempt& attempt, OnEnded on_ended) = 0;
};

}  // namespace afluente::orchestrator
