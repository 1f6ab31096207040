// What commands printed is not kept for ever.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "orchestrator/run_store.h"

namespace afluente::orchestrator {

/// How much stays of what the attempts of runs have left.
struct AttemptLimits {
  std::chrono::hours age{std::chrono::hours(24) * 30};
  std::uint64_t bytes = std::uint64_t{4} << 30U;  // On the disk.
  std::size_t runs = 10'000;
};

struct Pruned {
  std::size_t runs = 0;
  std::uint64_t bytes = 0;
};

/// Removes folders of runs below `folder` that were last written longer ago than
/// `limits.age`, then the oldest ones until the rest is within the other limits. `keep`:
/// runs that have not ended; theirs stay, whatever they take.
Pruned PruneAttempts(const std::filesystem::path& folder, const std::set<std::string>& keep,
                     WallTime now, const AttemptLimits& limits = {});

/// Does that at once and every day, until it is destroyed.
class AttemptPruner {
 public:
  /// Borrows `runs` and `clock`.
  AttemptPruner(std::filesystem::path folder, RunStore& runs, const Clock& clock);

 private:
  Status Prune();
  void Work(const std::stop_token& stop);

  const std::filesystem::path folder_;
  RunStore& runs_;
  const Clock& clock_;
  std::jthread thread_;  // Last: joined before what it uses goes.
};

}  // namespace afluente::orchestrator
