// Integrations that what happens elsewhere triggers, each on a thread of its own: `on: change` of a
// source table, `on: asset` of a warehouse table, `on: webhook` and `on: topic` of the inbox.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "estate/estate.h"
#include "orchestrator/run_integration.h"

namespace afluente::orchestrator {

enum class TriggerState : std::uint8_t {
  kIdle,      // Waits for an event.
  kRunning,   // Works one off.
  kRetrying,  // Failed; will be tried again.
};
std::string_view NameOf(TriggerState state);

struct TriggerReport {
  std::string integration;
  std::string on;       // As TriggeredBy says.
  std::string subject;  // The table, path or topic.
  TriggerState state = TriggerState::kIdle;
  std::uint64_t pending = 0;  // Recorded events or messages that are not yet worked off.
  std::uint64_t runs = 0;     // Since this process began.
  std::uint64_t rows = 0;     // Written by them.
  WallTime last_run_at{};     // When the last one ended.
  std::string error;          // Of the last failure; "" when it went well since.
};

/// Runs until destroyed. Many events make few runs: one run takes all that is
/// pending, and rests for three times as long as it took. Thread-safe.
class Triggers {
 public:
  /// Starts with what is pending; what an asset triggers runs once, since it may
  /// have been updated while nobody looked. Borrows everything. `on_updated` hears
  /// of each warehouse table that a triggered run has written; on other threads.
  Triggers(const estate::Estate& estate, Owner& owner, const Clock& clock,
           std::function<void(const estate::TableAddress&)> on_updated);
  ~Triggers();
  Triggers(const Triggers&) = delete;
  Triggers& operator=(const Triggers&) = delete;

  /// A warehouse table has new rows.
  void Updated(const estate::TableAddress& table);
  std::vector<TriggerReport> Reports() const;

 private:
  struct Worker;
  Result<std::uint64_t> Pending(const std::string& integration) const;
  void Work(Worker& worker, const std::stop_token& stop);

  Owner& owner_;
  const Clock& clock_;
  const std::function<void(const estate::TableAddress&)> on_updated_;
  mutable std::mutex mutex_;  // Guards the reports.
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace afluente::orchestrator
