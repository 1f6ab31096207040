// All that is followed of one source database: one slot, one stream, one copy of each table first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "connectors/duckdb/warehouse.h"
#include "connectors/postgres/libpq.h"
#include "connectors/postgres/replication/readiness.h"
#include "estate/estate.h"
#include "orchestrator/event_store.h"
#include "orchestrator/watch.h"
#include "pipeline/follow.h"
#include "pipeline/progress.h"

namespace afluente::orchestrator {

/// What a group needs; borrowed.
struct FollowGroupContext {
  const estate::Estate& estate;
  duck::Warehouse& warehouse;
  EventStore& events;
  std::filesystem::path lake;
  std::filesystem::path spool_folder;
  const Clock& clock;
};

/// The integrations of mode cdc that read from `connection`, in order of name.
std::vector<const estate::Integration*> CdcIntegrations(const estate::Estate& estate,
                                                        const std::string& connection);

/// Brings a group level with its source and keeps it there.
class FollowGroup {
 public:
  /// `left_out`: integrations that do not take part; they do not hold the slot.
  /// Watched tables take part: their changes become events.
  FollowGroup(const FollowGroupContext& context, std::string connection,
              const std::set<std::string>& left_out = {});

  struct Hooks {
    /// Where the copy of an integration counts its rows.
    std::function<pipeline::Progress&(const std::string& integration)> progress_of;
    /// After each set; on another thread.
    std::function<void(const pipeline::Applied&)> on_applied;
    /// After a copy that set rows aside.
    std::function<void(const std::string& integration, std::uint64_t letters)>
        on_copied_with_dead_letters = [](const std::string&, std::uint64_t) {};
    /// When every table has been copied.
    std::function<void()> on_copied = [] {};
    /// A table whose changes the slot has not kept is copied again; otherwise
    /// that is an error.
    bool copies_what_fell_behind = false;
    /// The owner leaves the culprit of a failure out and goes on with the others:
    /// what stands against one integration is then told of it alone.
    bool leaves_out = false;
  };

  /// Makes publication and slot, copies the tables that have no position yet
  /// (and those of `resync` again), then follows the stream.
  ///
  /// Errors: kUnauthorized and kInvalidConfig with the SQL that a DBA must run;
  /// kSchemaMismatch for a slot that was lost or used by somebody else.
  /// Of an integration that cannot go on, culprit() names it: the others can.
  Status Run(const std::vector<std::string>& resync, const pipeline::FollowOptions& options,
             const Hooks& hooks, const std::stop_token& stop);

  const std::string& culprit() const { return culprit_; }
  /// The slot's and the publication's name.
  const std::string& slot() const { return slot_; }

 private:
  struct Prepared;
  bool IsWatch(const estate::Integration& integration) const;
  Result<Prepared> Prepare(const std::vector<std::string>& resync, const Hooks& hooks);
  Status Refuse(const std::vector<postgres::Obstacle>& obstacles, bool leaves_out);
  Status CheckPositions(Prepared& prepared, bool copies_what_fell_behind);
  Status MakeRoomForInserts(Prepared& prepared);
  Status Publish(const Prepared& prepared);
  Status CheckTables(Prepared& prepared);
  /// How the stream is asked for.
  struct StreamForm {
    bool needs_text = false;  // A column has no binary form.
    bool sends_early = true;  // Large transactions before they commit.

    bool operator==(const StreamForm&) const = default;
  };
  /// Changes `form` when the stream must be opened again in another one.
  Status Follow(Prepared& prepared, StreamForm& form, const pipeline::FollowOptions& options,
                const std::function<void(const pipeline::Applied&)>& on_applied,
                const std::stop_token& stop);
  std::vector<const estate::Integration*> NotCopied(const Prepared& prepared) const;
  Status CopyTables(Prepared& prepared, const Hooks& hooks, const std::stop_token& stop);
  Status CopyAtOneMoment(Prepared& prepared, const std::vector<const estate::Integration*>& missing,
                         const Hooks& hooks, const std::stop_token& stop);

  const FollowGroupContext context_;
  const std::string connection_;
  const std::string slot_;
  std::vector<Watch> watches_;
  std::vector<const estate::Integration*> integrations_;  // What stands for watches, too.
  std::string culprit_;
};

}  // namespace afluente::orchestrator
