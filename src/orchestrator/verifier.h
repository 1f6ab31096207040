// Followed tables compared with their sources again and again, beside the stream.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "comparison/reconcile.h"
#include "estate/estate.h"
#include "orchestrator/run_integration.h"
#include "orchestrator/supervisor.h"

namespace afluente::orchestrator {

/// Verifies integrations as their key `verify` says, one at a time, each when it
/// follows its stream. What is found stands in the run store, so that a new process
/// goes on with the schedule. Runs until destroyed. Thread-safe.
class Verifier {
 public:
  /// Starts a thread if there is something to do. Borrows everything.
  Verifier(const estate::Estate& estate, Owner& owner, Supervisor& supervisor, const Clock& clock);
  ~Verifier() = default;
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  /// Compares now, beside the stream: what is on its way is no difference.
  Result<comparison::Reconciliation> Compare(const estate::Integration& integration,
                                             const std::stop_token& stop);

  /// What is left of differences, and what a repair did.
  struct RepairedAndCompared {
    Repaired repaired;
    comparison::Reconciliation left;
  };
  /// Repairs now, and compares what became of it. Errors: of the parts.
  Result<RepairedAndCompared> Repair(const estate::Integration& integration,
                                     const std::stop_token& stop);

 private:
  void Work(const std::stop_token& stop);
  bool IsFollowing(const std::string& integration) const;
  Status VerifyOne(const estate::Integration& integration, VerificationRecord& record,
                   const std::stop_token& stop);
  /// How long until `integration` is due; whoever was never verified is at once.
  std::chrono::nanoseconds UntilDue(const estate::Integration& integration) const;
  void Keep(VerificationRecord record);

  const estate::Estate& estate_;
  Owner& owner_;
  Supervisor& supervisor_;
  const Clock& clock_;
  std::jthread thread_;  // Last: joined before what it uses goes.
};

}  // namespace afluente::orchestrator
