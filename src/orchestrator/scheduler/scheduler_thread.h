// Drives a scheduler on a thread of its own: sleeps until something is due or happens.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "base/result.h"
#include "orchestrator/scheduler/scheduler.h"

namespace afluente::orchestrator {

/// What wakes the thread: fire times on the wall clock, also when that is set;
/// retries and timeouts on the monotonic clock; Wake from any thread.
class SchedulerAlarm {
 public:
  /// Errors: kInternal when the kernel gives no timers.
  static Result<std::unique_ptr<SchedulerAlarm>> Open();
  ~SchedulerAlarm();
  SchedulerAlarm(const SchedulerAlarm&) = delete;
  SchedulerAlarm& operator=(const SchedulerAlarm&) = delete;

  /// Thread-safe.
  void Wake() const;
  /// Blocks until `next` or a Wake. The clocks are the machine's.
  void WaitFor(const NextTick& next) const;

 private:
  SchedulerAlarm(int wakeup, int wall, int monotonic)
      : wakeup_(wakeup), wall_(wall), monotonic_(monotonic) {}

  const int wakeup_;
  const int wall_;
  const int monotonic_;
};

/// Calls Tick for as long as it lives. Borrows both; the scheduler has started.
class SchedulerThread {
 public:
  SchedulerThread(Scheduler& scheduler, SchedulerAlarm& alarm);
  ~SchedulerThread();
  SchedulerThread(const SchedulerThread&) = delete;
  SchedulerThread& operator=(const SchedulerThread&) = delete;

 private:
  void Work(const std::stop_token& stop);

  Scheduler& scheduler_;
  SchedulerAlarm& alarm_;
  std::jthread thread_;
};

}  // namespace afluente::orchestrator
