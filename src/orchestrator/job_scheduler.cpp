#include "orchestrator/job_scheduler.h"

#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdlib>
#include <string_view>

#include "orchestrator/estate_jobs.h"

namespace afluente::orchestrator {
namespace {

// Tests end the process at a named step: "task_leased", or "task_leased:3" for its third time.
std::function<void(const char*)> KillPoint() {
  const char* wanted = std::getenv("AFLUENTE_KILL_AT");
  if (wanted == nullptr) return [](const char*) {};
  const std::string text = wanted;
  const std::size_t colon = text.find(':');
  const int times = colon == std::string::npos ? 1 : std::atoi(text.c_str() + colon + 1);
  return [step = text.substr(0, colon), left = times](const char* reached) mutable {
    if (step == reached && --left == 0) (void)std::raise(SIGKILL);
  };
}

}  // namespace

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
  options.at_step = KillPoint();
  options.pools = estate.pools;
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
