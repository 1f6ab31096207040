// Continuous work: every source database's group on a thread of its own, started again when it
// fails.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "orchestrator/follow_group.h"
#include "orchestrator/slot_guard.h"

namespace afluente::orchestrator {

enum class FollowState : std::uint8_t {
  kCopying,    // The first copy, or one that was asked for.
  kRepairing,  // Compared with the source, rows that differ are written.
  kFollowing,  // Reads the stream.
  kWaiting,    // Failed; will be tried again.
  kFailed,     // Needs a person; the other integrations of its database go on.
  kPaused,     // By a person.
};
std::string_view NameOf(FollowState state);

/// How far one integration has come.
struct FollowReport {
  std::string integration;
  std::string connection;
  FollowState state = FollowState::kCopying;
  std::string error;  // Of the last failure; "" if there was none.
  ErrorKind error_kind = ErrorKind::kInternal;
  std::uint64_t changes = 0;  // Since this process began.
  std::uint64_t copied_rows = 0;
  std::uint64_t dead_letters = 0;  // Since this process began.
  std::uint64_t kept_bytes = 0;    // Of changes on disk, while it takes no part.
  std::string position;            // "16/B374D848"; "" before the first commit.
  WallTime committed_at{};         // At the source: of the last transaction that arrived.
  WallTime applied_at{};           // When it arrived here.
  /// Of the last repair since this process began, asked for or not; nullopt: none,
  /// or one that was asked for is not done yet.
  std::optional<Repaired> repaired;
};

/// Runs until destroyed. Thread-safe.
class Supervisor {
 public:
  /// Starts a thread for each connection of which tables are followed or
  /// watched. `on_updated` hears of each warehouse table that got changes, when
  /// they are committed; on other threads.
  Supervisor(const FollowGroupContext& context,
             std::function<void(const estate::TableAddress&)> on_updated);
  /// Stops: sets that were begun are committed first.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  std::vector<FollowReport> Reports() const;

  /// Takes an integration out of its group, in again, or has it copied again.
  /// Each returns at once. Errors: kNotFound for one that is not followed here.
  Status Pause(const std::string& integration);
  Status Resume(const std::string& integration);
  Status Resync(const std::string& integration);

  /// Has an integration's table compared with its source and repaired while the
  /// group stands still, and waits until it follows again. Errors: as CatchUp.
  Result<Repaired> Repair(const std::string& integration, const std::stop_token& stop);

  /// Waits until what the source holds now has arrived, and everything that
  /// Resync or Repair asked for. Errors: what the integration failed with while waiting;
  /// kCancelled when `stop` fires; kInvalidConfig when it is paused.
  Status CatchUp(const std::string& integration, const std::stop_token& stop);

 private:
  struct Group;
  Result<Group*> GroupOf(const std::string& integration);
  void Work(Group& group, const std::stop_token& stop);
  /// Keeps the group from its slot, or lets it go on.
  void Hold(Group& group, bool held);
  Status RunOnce(Group& group, const std::stop_token& stop);
  void Digest(Group& group, const Status& status, const std::string& culprit);
  void CountApplied(Group& group, const pipeline::Applied& applied);

  const FollowGroupContext context_;
  const std::function<void(const estate::TableAddress&)> on_updated_;
  mutable std::mutex mutex_;  // Guards everything in groups_ but their threads.
  std::condition_variable_any changed_;
  std::vector<std::unique_ptr<Group>> groups_;
};

}  // namespace afluente::orchestrator
