// Which runs make up for a stretch of the past.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "estate/estate.h"
#include "orchestrator/scheduler/job.h"
#include "orchestrator/sqlite_file.h"

namespace afluente::orchestrator {

struct BackfillRequest {
  std::string job;
  WallTime from{};  // Data intervals that begin in [from, to).
  WallTime to{};
  bool missing_only = false;  // Only those without a run that succeeded.
};

struct BackfillPlan {
  std::string job;
  std::vector<FireTime> runs;  // Oldest first.
  std::size_t left_out = 0;    // Of missing_only.
  /// What the runs will take, one after the other, by the median of the job's last hundred that
  /// succeeded; nullopt: there is none.
  std::optional<double> seconds;
};

/// No plan is longer.
inline constexpr std::size_t kBackfillRunsMax = 10'000;

/// `history`: the run store's file; nullptr: nothing has run yet. Changes nothing.
/// Errors: kNotFound for an unknown job; kInvalidConfig for one without a schedule, one whose runs
/// are not of their data interval, an empty stretch, more than kBackfillRunsMax runs.
Result<BackfillPlan> PlanBackfill(const estate::Estate& estate, const BackfillRequest& request,
                                  SqliteFile* history);

/// A moment or, in the job's zone, a day. kInvalidConfig, with `what` and how to write it.
Result<WallTime> ParseBackfillTime(const estate::Estate& estate, const std::string& job,
                                   const std::string& what, const std::string& text);

}  // namespace afluente::orchestrator
