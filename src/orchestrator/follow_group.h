// The cdc integrations of one source database: one slot, one stream, one copy each to begin with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "connectors/duckdb/warehouse.h"
#include "connectors/postgres/libpq.h"
#include "estate/estate.h"
#include "pipeline/follow.h"
#include "pipeline/progress.h"

namespace afluente::orchestrator {

/// What a group needs; borrowed.
struct FollowGroupContext {
  const estate::Estate& estate;
  duck::Warehouse& warehouse;
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
  FollowGroup(const FollowGroupContext& context, std::string connection);

  /// Makes publication and slot, copies the tables that have no position yet
  /// (and those of `resync` again), then follows the stream.
  ///
  /// `on_applied`: after each set, on another thread. `progress_of`: where the
  /// copy of an integration counts its rows.
  /// Errors: kUnauthorized and kInvalidConfig with the SQL that a DBA must run;
  /// kSchemaMismatch for a slot that was lost or used by somebody else.
  Status Run(const std::vector<std::string>& resync, const pipeline::FollowOptions& options,
             const std::function<pipeline::Progress&(const std::string&)>& progress_of,
             const std::function<void(const pipeline::Applied&)>& on_applied,
             const std::stop_token& stop);

 private:
  struct Prepared;
  Result<Prepared> Prepare(const std::vector<std::string>& resync);
  Status CheckPositions(Prepared& prepared);
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
  Status CopyTables(Prepared& prepared,
                    const std::function<pipeline::Progress&(const std::string&)>& progress_of,
                    const std::stop_token& stop);

  const FollowGroupContext context_;
  const std::string connection_;
  const std::string slot_;
  std::vector<const estate::Integration*> integrations_;
};

}  // namespace afluente::orchestrator
