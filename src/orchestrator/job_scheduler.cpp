#include "orchestrator/job_scheduler.h"

#include <spdlog/spdlog.h>

#include <set>

#include "orchestrator/kill_point.h"

namespace afluente::orchestrator {
namespace {

std::set<std::string> WithDagsThatTheyRun(const estate::Estate& estate,
                                          std::vector<std::string> jobs) {
  std::set<std::string> all;
  while (!jobs.empty()) {
    const std::string name = jobs.back();
    jobs.pop_back();
    const auto dag = estate.dags.find(name);
    if (!all.insert(name).second || dag == estate.dags.end()) continue;
    for (const estate::Task& task : dag->second.tasks) {
      if (const auto* run = std::get_if<estate::DagTask>(&task.action)) jobs.push_back(run->dag);
    }
  }
  return all;
}

}  // namespace

std::filesystem::path AttemptsFolder(const StatePaths& paths) { return paths.root / "attempts"; }

Result<std::unique_ptr<JobScheduler>> JobScheduler::Open(
    const estate::Estate& estate, Owner& owner, const Clock& clock,
    std::function<void(const estate::TableAddress&)> on_updated) {
  std::unique_ptr<JobScheduler> made(new JobScheduler());
  made->context_ = std::make_unique<TaskContext>(estate, &owner, clock, std::move(on_updated));
  AFL_ASSIGN(EstateJobs jobs, JobsOf(*made->context_));
  AFL_TRY(made->Begin(std::move(jobs), /*only_triggered=*/false));
  return made;
}

Result<std::unique_ptr<JobScheduler>> JobScheduler::OpenFor(const std::vector<std::string>& jobs,
                                                            const estate::Estate& estate,
                                                            Owner& owner, const Clock& clock) {
  std::unique_ptr<JobScheduler> made(new JobScheduler());
  made->context_ = std::make_unique<TaskContext>(estate, &owner, clock, [](const auto&) {});
  const std::set<std::string> wanted = WithDagsThatTheyRun(estate, jobs);
  AFL_ASSIGN(EstateJobs chosen, JobsOf(*made->context_, &wanted));
  AFL_TRY(made->Begin(std::move(chosen), /*only_triggered=*/true));
  return made;
}

Status JobScheduler::Begin(EstateJobs jobs, bool only_triggered) {
  AFL_ASSIGN(alarm_, SchedulerAlarm::Open());
  AFL_ASSIGN(executor_,
             TaskExecutor::Open(AttemptsFolder(context_->owner->paths()), std::move(jobs.works)));
  SchedulerOptions options;
  options.only_triggered = only_triggered;
  options.pools = context_->estate.pools;
  options.wake = [alarm = alarm_.get()] { alarm->Wake(); };
  options.at_step = KillPointOfEnvironment();
  scheduler_ = std::make_unique<Scheduler>(context_->owner->runs().file(), *executor_,
                                           context_->clock, std::move(options));
  AFL_TRY(scheduler_->Start(std::move(jobs.specs)));
  thread_ = std::make_unique<SchedulerThread>(*scheduler_, *alarm_);
  return Done{};
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
