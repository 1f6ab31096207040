#include "orchestrator/job_scheduler.h"

#include <spdlog/spdlog.h>

#include "orchestrator/estate_jobs.h"
#include "orchestrator/kill_point.h"

namespace afluente::orchestrator {
std::filesystem::path AttemptsFolder(const StatePaths& paths) { return paths.root / "attempts"; }

Result<std::unique_ptr<JobScheduler>> JobScheduler::Open(
    const estate::Estate& estate, Owner& owner, const Clock& clock,
    std::function<void(const estate::TableAddress&)> on_updated) {
  std::unique_ptr<JobScheduler> made(new JobScheduler());
  AFL_ASSIGN(EstateJobs jobs, JobsOf(estate, owner, std::move(on_updated)));
  AFL_ASSIGN(made->alarm_, SchedulerAlarm::Open());
  AFL_ASSIGN(made->executor_,
             TaskExecutor::Open(AttemptsFolder(owner.paths()), std::move(jobs.works)));
  SchedulerOptions options;
  options.wake = [alarm = made->alarm_.get()] { alarm->Wake(); };
  options.at_step = KillPointOfEnvironment();
  made->scheduler_ =
      std::make_unique<Scheduler>(owner.runs().file(), *made->executor_, clock, std::move(options));
  AFL_TRY(made->scheduler_->Start(std::move(jobs.specs)));
  made->thread_ = std::make_unique<SchedulerThread>(*made->scheduler_, *made->alarm_);
  return made;
}

JobScheduler::~JobScheduler() {
  if (thread_ == nullptr) return;
  scheduler_->BeginShutdown();
  thread_.reset();
  executor_->Stop();
  // What ended well while everything stopped is not to be done again.
  if (const auto ticked = scheduler_->Tick(); !ticked.ok()) {
    spdlog::warn("scheduler: {}", ticked.error().message());
  }
  executor_.reset();
}

}  // namespace afluente::orchestrator
