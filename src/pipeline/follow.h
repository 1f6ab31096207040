// THE PATH OF CHANGES: one source followed into one sink, for as long as it lasts.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>

#include "base/clock.h"
#include "base/result.h"
#include "pipeline/changes.h"

namespace afluente::pipeline {

struct FollowOptions {
  /// Sets are handed to the sink at most this often: many small commits cost
  /// more than they bring. A backlog makes larger sets, not more of them.
  std::chrono::milliseconds apply_every{20};
  /// How often an idle source's position is stored, so that it can forget.
  std::chrono::milliseconds store_every{10'000};
  /// Ends when the source has been caught up with; otherwise goes on.
  bool until_caught_up = false;
};

/// What Follow tells its owner after each set that was applied, and, unless it ends when it
/// has caught up, of an empty set when a place was reached without changes.
struct Applied {
  const ChangeSet& changes;
  std::chrono::nanoseconds took{0};
};

/// Reads changes, folds them and applies them, reading on while the sink works.
/// Confirms to the source only what the sink has made durable.
/// `on_applied` is called on the sink's thread or this one, one call at a time.
/// Returns when caught up (if asked to), kCancelled when `stop` fires: then a
/// set that the sink has begun is finished first. Errors: of source and sink;
/// what was not applied comes again next time.
Status Follow(ChangeSource& source, ChangeSink& sink, const FollowOptions& options,
              const Clock& clock, const std::function<void(const Applied&)>& on_applied,
              const std::stop_token& stop);

}  // namespace afluente::pipeline
