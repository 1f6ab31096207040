// The scheduler at work: the estate's jobs, the threads and processes that do them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "estate/estate.h"
#include "orchestrator/estate_jobs.h"
#include "orchestrator/run_integration.h"
#include "orchestrator/scheduler/scheduler.h"
#include "orchestrator/scheduler/scheduler_thread.h"
#include "orchestrator/tasks/task_context.h"
#include "orchestrator/tasks/task_executor.h"

namespace afluente::orchestrator {

/// Runs until destroyed. Thread-safe.
class JobScheduler {
 public:
  /// Takes up what an earlier process left and begins. Borrows everything;
  /// `on_updated` hears of each
  /// warehouse table that a job has written, on other threads. Errors: of the parts.
  static Result<std::unique_ptr<JobScheduler>> Open(
      const estate::Estate& estate, Owner& owner, const Clock& clock,
      std::function<void(const estate::TableAddress&)> on_updated);
  /// Only for `jobs` and the DAGs that they run; nothing fires by itself, and the runs of other
  /// jobs are left to the service.
  static Result<std::unique_ptr<JobScheduler>> OpenFor(const std::vector<std::string>& jobs,
                                                       const estate::Estate& estate, Owner& owner,
                                                       const Clock& clock);
  /// Ends what runs on threads early, for the next process to go on with; leaves
  /// child processes running.
  ~JobScheduler();
  JobScheduler(const JobScheduler&) = delete;
  JobScheduler& operator=(const JobScheduler&) = delete;

  Scheduler& scheduler() { return *scheduler_; }

 private:
  JobScheduler() = default;
  Status Begin(EstateJobs jobs, bool only_triggered);

  std::unique_ptr<TaskContext> context_;  // Outlives the works.
  std::unique_ptr<SchedulerAlarm> alarm_;
  std::unique_ptr<TaskExecutor> executor_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<SchedulerThread> thread_;
};

/// Where an attempt's output stands, below the state folder.
std::filesystem::path AttemptsFolder(const StatePaths& paths);

}  // namespace afluente::orchestrator
