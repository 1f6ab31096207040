// The scheduler at work: the estate's jobs, the threads and processes that do them.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "estate/estate.h"
#include "orchestrator/run_integration.h"
#include "orchestrator/scheduler/scheduler.h"
#include "orchestrator/scheduler/scheduler_thread.h"
#include "orchestrator/tasks/task_executor.h"

namespace afluente::orchestrator {

/// Runs until destroyed. Thread-safe.
class JobScheduler {
 public:
  /// Takes up what an earlier process left and begins. Borrows everything;
  /// `on_updated` as JobsOf. Errors: of the parts.
  static Result<std::unique_ptr<JobScheduler>> Open(
      const estate::Estate& estate, Owner& owner, const Clock& clock,
      std::function<void(const estate::TableAddress&)> on_updated);
  /// Ends what runs on threads early, for the next process to go on with; leaves
  /// child processes running.
  ~JobScheduler();
  JobScheduler(const JobScheduler&) = delete;
  JobScheduler& operator=(const JobScheduler&) = delete;

  Scheduler& scheduler() { return *scheduler_; }

 private:
  JobScheduler() = default;

  std::unique_ptr<SchedulerAlarm> alarm_;
  std::unique_ptr<TaskExecutor> executor_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<SchedulerThread> thread_;
};

/// Where an attempt's output stands, below the state folder.
std::filesystem::path AttemptsFolder(const StatePaths& paths);

}  // namespace afluente::orchestrator
