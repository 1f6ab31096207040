// What runs when, and what depends on what: jobs, their tasks, and how they are tried.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace afluente::estate {

/// Which ends of the tasks before it let a task run. As in Airflow.
enum class TriggerRule : std::uint8_t {
  kAllSuccess,
  kAllDone,  // Whatever they ended as.
  kAllFailed,
  kOneSuccess,  // At once, without waiting for the others.
  kOneFailed,   // At once, without waiting for the others.
  kNoneFailed,  // Succeeded or skipped.
};

/// When a failed attempt is followed by another one.
struct RetryPolicy {
  int retries = 0;  // Attempts after the first.
  std::chrono::milliseconds delay{30'000};
  double factor = 2;  // Each delay is so many times the one before.
  std::chrono::milliseconds max_delay{600'000};
  double jitter = 0.1;                // Of a delay, added at most.
  std::vector<std::string> retry_on;  // Error kinds; empty: every kind but cancelled.
};

/// How an attempt of a task is made, and how often.
struct TaskPolicy {
  RetryPolicy retry;
  std::chrono::milliseconds timeout{0};  // Of an attempt; 0: none.
  std::string pool;                      // Empty: only the slots that all tasks share.
  int slots = 1;                         // Of the pool.
};

/// Of integrations and models that say nothing else: three more attempts when a
/// system was away for a while.
TaskPolicy AgainWhenTransient();

/// What becomes of fire times that nobody was there for.
enum class CatchUp : std::uint8_t { kLatest, kAll, kNone };

/// What becomes of a run while another one of its job is running. Decided when
/// it is its turn, not when it is made.
enum class RunOverlap : std::uint8_t { kQueue, kSkip, kCancelPrevious, kAllow };

/// How the runs of one job follow each other.
struct RunPolicy {
  CatchUp catch_up = CatchUp::kLatest;
  std::chrono::milliseconds catch_up_window{std::chrono::hours(24 * 7)};  // CatchUp::kAll.
  RunOverlap overlap = RunOverlap::kQueue;
  int max_active_runs = 1;  // RunOverlap::kAllow.
  int priority = 0;         // Higher first.
};

}  // namespace afluente::estate
