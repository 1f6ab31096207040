// Shadow tables compared once a day, beside the service.
#pragma once

#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "estate/estate.h"
#include "estate/shadow.h"
#include "orchestrator/run_integration.h"
#include "orchestrator/shadow/shadow_store.h"

namespace afluente::orchestrator {

/// Compares every integration that runs in shadow at its time of day, and again twice, ten minutes
/// later, when it finds a difference: what is on its way is none then. The last one of a day
/// counts. One whose time passed while nothing ran is compared at once. Runs until destroyed.
/// Thread-safe.
class ShadowWatch {
 public:
  /// Starts a thread if there is something to do. Borrows everything.
  /// Errors: of the store.
  static Result<std::unique_ptr<ShadowWatch>> Open(const estate::Estate& estate, Owner& owner,
                                                   const Clock& clock);

  /// Compares now and records it. Errors: kNotFound for one that does not run in shadow.
  Result<ShadowComparison> Compare(const std::string& integration, const std::stop_token& stop);

 private:
  ShadowWatch(const estate::Estate& estate, Owner& owner, const Clock& clock)
      : estate_(estate), owner_(owner), clock_(clock), store_(owner.runs().file()) {}
  void Work(const std::stop_token& stop);
  Result<std::chrono::nanoseconds> UntilDue(const std::string& integration,
                                            const estate::Shadow& shadow);

  const estate::Estate& estate_;
  Owner& owner_;
  const Clock& clock_;
  ShadowStore store_;
  std::map<std::string, estate::Shadow> shadows_;  // Those that run in shadow.
  std::map<std::string, int> looks_;               // Of the thread: on one day, by integration.
  std::mutex one_at_a_time_;
  std::jthread thread_;  // Last: joined before what it uses goes.
};

}  // namespace afluente::orchestrator
