#include "orchestrator/triggers.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "base/stop_after.h"
#include "connectors/inbox/source.h"

namespace afluente::orchestrator {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kBackoffFirst{500};
constexpr milliseconds kBackoffMax{60'000};
constexpr int kRestFactor = 3;

// What it waits for: a table, a path or a topic.
std::string SubjectOf(const estate::Integration& integration) {
  if (!integration.trigger.subject.empty()) return integration.trigger.subject;
  const estate::Source& source = integration.source;
  return source.topic.empty() ? source.webhook : source.topic;
}

}  // namespace

std::string_view NameOf(TriggerState state) {
  switch (state) {
    case TriggerState::kIdle:
      return "idle";
    case TriggerState::kRunning:
      return "running";
    case TriggerState::kRetrying:
      return "retrying";
  }
  return "retrying";
}

struct Triggers::Worker {
  const estate::Integration* integration = nullptr;
  TriggerReport report;
  std::jthread thread;  // Last: joined before what it uses goes.
};

Triggers::Triggers(const estate::Estate& estate, Owner& owner, const Clock& clock,
                   std::function<void(const estate::TableAddress&)> on_updated)
    : owner_(owner), clock_(clock), on_updated_(std::move(on_updated)) {
  for (const auto& [name, integration] : estate.integrations) {
    const std::string_view on = TriggeredBy(integration);
    if (on.empty()) continue;
    auto worker = std::make_unique<Worker>();
    worker->integration = &integration;
    worker->report.integration = name;
    worker->report.on = on;
    worker->report.subject = SubjectOf(integration);
    if (on == "asset") owner_.events().Mark(name);
    workers_.push_back(std::move(worker));
  }
  for (const auto& worker : workers_) {
    worker->thread = std::jthread(
        [this, &worker = *worker](const std::stop_token& stop) { Work(worker, stop); });
  }
}

Triggers::~Triggers() {
  for (const auto& worker : workers_) worker->thread.request_stop();
}

void Triggers::Updated(const estate::TableAddress& table) {
  for (const auto& worker : workers_) {
    const estate::Trigger& trigger = worker->integration->trigger;
    const bool is_meant =
        trigger.kind == estate::Trigger::Kind::kAsset && trigger.subject == table.ToString();
    if (is_meant) owner_.events().Mark(worker->integration->name);
  }
}

std::vector<TriggerReport> Triggers::Reports() const {
  std::vector<TriggerReport> reports;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& worker : workers_) reports.push_back(worker->report);
  }
  for (TriggerReport& report : reports) {
    const auto pending = Pending(report.integration);
    if (pending.ok()) report.pending = pending.value();
  }
  return reports;
}

Result<std::uint64_t> Triggers::Pending(const std::string& integration) const {
  for (const auto& worker : workers_) {
    if (worker->integration->name == integration && inbox::ReadsInbox(*worker->integration)) {
      return owner_.inbox().Pending(*worker->integration);
    }
  }
  return owner_.events().Count(integration);
}

void Triggers::Work(Worker& worker, const std::stop_token& stop) {
  const std::string& name = worker.integration->name;
  milliseconds backoff = kBackoffFirst;
  while (owner_.events().WaitForPending(name, stop)) {
    {
      const std::lock_guard lock(mutex_);
      worker.report.state = TriggerState::kRunning;
    }
    pipeline::Progress progress;
    const nanoseconds began = clock_.Monotonic();
    const Owner::Outcome outcome = owner_.RunPending(*worker.integration, progress, stop);
    const nanoseconds took = clock_.Monotonic() - began;
    const bool failed = !outcome.status.ok();
    {
      const std::lock_guard lock(mutex_);
      worker.report.state = failed ? TriggerState::kRetrying : TriggerState::kIdle;
      worker.report.error = outcome.run.error;
      worker.report.last_run_at = clock_.Now();
      ++worker.report.runs;
      worker.report.rows += outcome.rows_written;
    }
    if (stop.stop_requested()) return;
    if (failed) {
      spdlog::error("{}: {}", name, outcome.run.error);
      Rest(stop, backoff);
      backoff = std::min(backoff * 2, kBackoffMax);
      continue;
    }
    backoff = kBackoffFirst;
    const auto& destination = worker.integration->destination.table;
    if (destination && outcome.rows_written > 0) {
      Updated(*destination);
      on_updated_(*destination);
    }
    Rest(stop, took * kRestFactor);
  }
}

}  // namespace afluente::orchestrator
