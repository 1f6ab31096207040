#include "orchestrator/triggers.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "base/stop_after.h"

namespace afluente::orchestrator {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kBackoffFirst{500};
constexpr milliseconds kBackoffMax{60'000};
constexpr int kRestFactor = 3;

bool IsTriggered(const estate::Integration& integration) {
  const estate::Trigger::Kind kind = integration.trigger.kind;
  return integration.mode != estate::Mode::kCdc &&
         (kind == estate::Trigger::Kind::kChange || kind == estate::Trigger::Kind::kAsset);
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

Triggers::Triggers(const estate::Estate& estate, Owner& owner, const Clock& clock)
    : owner_(owner), clock_(clock) {
  for (const auto& [name, integration] : estate.integrations) {
    const auto kind = integration.trigger.kind;
    if (kind == estate::Trigger::Kind::kWebhook || kind == estate::Trigger::Kind::kTopic) {
      spdlog::warn("{}: nothing arrives yet by trigger on: {}", name,
                   kind == estate::Trigger::Kind::kWebhook ? "webhook" : "topic");
    }
    if (!IsTriggered(integration)) continue;
    const bool on_asset = integration.trigger.kind == estate::Trigger::Kind::kAsset;
    auto worker = std::make_unique<Worker>();
    worker->integration = &integration;
    worker->report.integration = name;
    worker->report.on = on_asset ? "asset" : "change";
    worker->report.subject = integration.trigger.subject;
    if (on_asset) owner_.events().Mark(name);
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
    const auto pending = owner_.events().Count(report.integration);
    if (pending.ok()) report.pending = pending.value();
  }
  return reports;
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
    if (destination && outcome.rows_written > 0) Updated(*destination);
    Rest(stop, took * kRestFactor);
  }
}

}  // namespace afluente::orchestrator
