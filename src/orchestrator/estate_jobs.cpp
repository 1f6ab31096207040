#include "orchestrator/estate_jobs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>

#include "connectors/inbox/source.h"
#include "orchestrator/schedule/schedule.h"

namespace afluente::orchestrator {
namespace {

using OnUpdated = std::function<void(const estate::TableAddress&)>;

bool RunsAndEnds(const estate::Integration& integration) {
  return integration.mode != estate::Mode::kCdc && !inbox::ReadsInbox(integration);
}

// What a job does by itself when a system was away for a while.
estate::RetryPolicy AgainWhenTransient() {
  estate::RetryPolicy policy;
  policy.retries = 3;
  policy.retry_on = {std::string(NameOf(ErrorKind::kTransient))};
  return policy;
}

std::string TextOf(const std::vector<estate::ScheduleSpec>& specs) {
  std::string text;
  for (const estate::ScheduleSpec& spec : specs) {
    text += fmt::format("{} in {} except {}; ", spec.ToString(), spec.zone,
                        fmt::join(spec.except, ", "));
  }
  return text;
}

Result<JobSpec> SpecOf(const std::string& name, const std::string& mode, const std::string& kind,
                       const estate::Trigger& trigger, const estate::Estate& estate) {
  JobSpec spec;
  spec.name = name;
  spec.mode = mode;
  TaskSpec& task = spec.tasks.emplace_back();
  task.name = name;
  task.kind = kind;
  task.retry = AgainWhenTransient();
  spec.schedule_text = TextOf(trigger.schedules);
  if (trigger.schedules.empty()) return spec;
  AFL_ASSIGN(auto made, schedule::Schedule::Make(name, trigger.schedules, estate));
  const auto fires = std::make_shared<const schedule::Schedule>(std::move(made));
  spec.next_fire = [fires](WallTime after) -> std::optional<FireTime> {
    const auto fire = fires->Next(after);
    if (!fire) return std::nullopt;
    return FireTime{fire->nominal, fire->at, fires->IntervalOf(fire->nominal).begin};
  };
  return spec;
}

template <class T>
ThreadWork WorkOf(Owner& owner, const T& job, std::optional<estate::TableAddress> writes,
                  const OnUpdated& on_updated) {
  return [&owner, &job, writes = std::move(writes), on_updated](const Attempt&,
                                                                const std::stop_token& stop) {
    pipeline::Progress progress;
    Owner::Outcome done = owner.Work(job, progress, stop);
    AttemptOutcome outcome;
    outcome.rows = done.run.rows;
    outcome.bytes = done.run.bytes;
    if (done.status.ok() && done.rows_written > 0 && writes) on_updated(*writes);
    outcome.status = std::move(done.status);
    return outcome;
  };
}

}  // namespace

Result<std::vector<JobSpec>> SpecsOf(const estate::Estate& estate) {
  std::vector<JobSpec> specs;
  for (const auto& [name, integration] : estate.integrations) {
    if (!RunsAndEnds(integration)) continue;
    AFL_ASSIGN(JobSpec spec, SpecOf(name, std::string(NameOf(integration.mode)), "integration",
                                    integration.trigger, estate));
    const auto& table = integration.destination.table;
    if (table) spec.tasks.front().writes = table->ToString();
    specs.push_back(std::move(spec));
  }
  for (const auto& [address, model] : estate.models) {
    AFL_ASSIGN(JobSpec spec, SpecOf(model.name, "model", "model", model.trigger, estate));
    spec.tasks.front().writes = model.table.ToString();
    if (model.trigger.kind == estate::Trigger::Kind::kAsset) spec.on_asset = model.trigger.subject;
    specs.push_back(std::move(spec));
  }
  return specs;
}

Result<EstateJobs> JobsOf(const estate::Estate& estate, Owner& owner, OnUpdated on_updated) {
  EstateJobs jobs;
  AFL_ASSIGN(jobs.specs, SpecsOf(estate));
  for (const auto& [name, integration] : estate.integrations) {
    if (!RunsAndEnds(integration)) continue;
    jobs.works[name][name] = WorkOf(owner, integration, integration.destination.table, on_updated);
  }
  for (const auto& [address, model] : estate.models) {
    jobs.works[model.name][model.name] = WorkOf(owner, model, model.table, on_updated);
  }
  return jobs;
}

}  // namespace afluente::orchestrator
