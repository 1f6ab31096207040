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
#include "connectors/postgres/replication/change_stream.h"
#include "connectors/postgres/replication/readiness.h"
#include "connectors/postgres/source.h"
#include "estate/estate.h"
#include "orchestrator/event_store.h"
#include "orchestrator/repair.h"
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
  /// `left_out`: integrations that do not take part; they do not hold the slot:
  /// their changes are kept on disk, as far as the connection's max_spool allows,
  /// and applied when they take part again.
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
    /// The others are followed while these are copied or repaired, instead of
    /// waiting for it; nullptr: they wait.
    std::function<void(const std::set<std::string>& copied)> on_copying;
    /// Integrations whose tables are compared with the source and repaired first.
    std::set<std::string> repair;
    /// What a repair, asked for or not, did; when a table was copied instead, that too.
    std::function<void(const std::string& integration, const Repaired& repaired)> on_repaired =
        [](const std::string& /*integration*/, const Repaired& /*repaired*/) {};
    /// A table whose changes the slot has not kept is repaired, or copied again;
    /// otherwise that is an error.
    bool copies_what_fell_behind = false;
    /// The owner leaves the culprit of a failure out and goes on with the others:
    /// what stands against one integration is then told of it alone.
    bool leaves_out = false;
  };

  /// Makes publication and slot, copies the tables that have no position yet
  /// (and those of `resync` again), applies what was kept on disk, then follows
  /// the stream.
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
  struct Aside;
  struct Begun;
  struct Prepared;
  bool IsWatch(const estate::Integration& integration) const;
  Result<Prepared> Prepare(const std::set<std::string>& resync, const Hooks& hooks);
  /// Which copies were cut off and can go on, and which could.
  Status FindBegun(Prepared& prepared, const std::set<std::string>& resync) const;
  Status PrepareAside(Prepared& prepared) const;
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
  /// Follows what has been copied while the rest is.
  Status FollowWhileCopying(Prepared& prepared, StreamForm& form,
                            const pipeline::FollowOptions& options, const Hooks& hooks,
                            const std::stop_token& stop);
  /// Applies what the disk has of integrations that were left out.
  Status ApplyKept(Prepared& prepared, const pipeline::FollowOptions& options, const Hooks& hooks,
                   const std::stop_token& stop);
  Result<std::vector<postgres::SetAside>> OpenAside(const Prepared& prepared, postgres::Lsn from);
  Status BeginWatch(Prepared& prepared, const estate::Integration& watch, postgres::Lsn from);
  std::vector<const estate::Integration*> NotCopied(const Prepared& prepared) const;
  Status CopyTables(Prepared& prepared, const Hooks& hooks, const std::stop_token& stop);
  /// A snapshot that tables are copied or repaired in.
  struct Moment {
    postgres::SharedSnapshot snapshot;
    WallTime taken_at{};
    std::uint32_t since = 0;  // The oldest transaction that may not have ended yet.
  };
  static Result<duck::CopyMoment> CopyMomentOf(const Prepared& prepared,
                                               const estate::Integration& integration,
                                               const Moment& moment);
  enum class RepairEnd : std::uint8_t {
    kDone,
    kCopy,   // It is to be copied instead.
    kAgain,  // The table was written anew meanwhile: in another snapshot.
  };
  Result<RepairEnd> RepairAtMoment(Prepared& prepared, const estate::Integration& integration,
                                   const Moment& moment, const Hooks& hooks,
                                   const std::stop_token& stop);
  Status CopyTable(Prepared& prepared, const estate::Integration& integration, Moment moment,
                   const Hooks& hooks, const std::stop_token& stop);
  Status CopyAtOneMoment(Prepared& prepared, const std::vector<const estate::Integration*>& missing,
                         const Hooks& hooks, const std::stop_token& stop);

  const FollowGroupContext context_;
  const std::string connection_;
  const std::string slot_;
  std::vector<Watch> watches_;
  std::vector<const estate::Integration*> integrations_;  // What stands for watches, too.
  std::vector<const estate::Integration*> left_out_;      // Without watches.
  std::string culprit_;
};

}  // namespace afluente::orchestrator
