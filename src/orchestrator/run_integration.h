// One run of one integration or model, from the estate to the record.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "connectors/duckdb/warehouse.h"
#include "estate/estate.h"
#include "estate/model_values.h"
#include "orchestrator/event_store.h"
#include "orchestrator/follow_group.h"
#include "orchestrator/inbox/inbox.h"
#include "orchestrator/run_store.h"
#include "orchestrator/state_folder.h"
#include "pipeline/progress.h"
#include "pipeline/sink.h"

namespace afluente::bigquery {
class Client;
}  // namespace afluente::bigquery

namespace afluente::orchestrator {

/// What triggers `integration`: "change", "asset", "webhook" or "topic"; "" when
/// nothing that happens here does.
std::string_view TriggeredBy(const estate::Integration& integration);

/// The process that owns the state folder: lock, warehouse, run store.
/// Thread-safe; a job that is running is waited for.
class Owner {
 public:
  /// Takes the lock and opens everything; projects that `jobs` write get their warehouse file.
  /// Errors: of the parts.
  static Result<std::unique_ptr<Owner>> Open(const estate::Estate& estate,
                                             const std::filesystem::path& state_root,
                                             const std::vector<estate::Estate::Job>& jobs,
                                             const std::string& command, const Clock& clock);

  duck::Warehouse& warehouse() { return *warehouse_; }
  const StatePaths& paths() const { return paths_; }
  RunStore& runs() { return *runs_; }
  EventStore& events() { return *events_; }
  Inbox& inbox() { return *inbox_; }
  /// What following needs; borrows from this owner.
  FollowGroupContext FollowContext();

  struct Outcome {
    RunRecord run;
    std::vector<std::string> schema_changes;
    std::vector<std::string> warnings;  // Of a model: data tests that only warn.
    std::uint64_t dead_letters = 0;
    std::uint64_t rows_written = 0;  // At the destination; run.rows counts what was read.
    Status status = Done{};
    std::optional<Repaired> repaired;
  };

  /// Catches up with the changes of all cdc integrations of `connection`, and
  /// records a run of each. Those of `resync` are copied again first, those of
  /// `repair` compared with their source and repaired.
  std::vector<Outcome> CatchUp(
      const std::string& connection, const std::vector<std::string>& resync,
      const std::set<std::string>& repair,
      const std::function<pipeline::Progress&(const std::string&)>& progress_of,
      const std::stop_token& stop);

  /// Runs one integration and records it. The outcome's status says how it
  /// ended; this call itself never fails otherwise.
  Outcome Run(const estate::Integration& integration, bool full_refresh,
              pipeline::Progress& progress, const std::stop_token& stop);

  /// Builds one model and records it, in the same way.
  Outcome RunModel(const estate::Model& model, bool full_refresh, pipeline::Progress& progress,
                   const std::stop_token& stop);

  /// As Run and RunModel, for whoever keeps the record: the outcome's run has
  /// only its counts.
  Outcome Work(const estate::Integration& integration, pipeline::Progress& progress,
               const std::stop_token& stop);
  /// `only`: of this interval alone (BuildModel).
  Outcome Work(const estate::Model& model, pipeline::Progress& progress,
               const std::stop_token& stop,
               const std::optional<estate::Interval>& only = std::nullopt);

  /// Records a run of `integration` that `work` does by other means.
  Outcome RunOther(const estate::Integration& integration,
                   const std::function<Status(Outcome&)>& work);

  /// Works off the oldest events of `integration`: fetches the keys that they
  /// name, or runs it as a whole. What fails is pending again.
  Outcome RunPending(const estate::Integration& integration, pipeline::Progress& progress,
                     const std::stop_token& stop);

 private:
  Owner(const estate::Estate& estate, StatePaths paths, StateLock lock, const Clock& clock)
      : estate_(estate), paths_(std::move(paths)), lock_(std::move(lock)), clock_(clock) {}

  using PendingWork = std::function<Status(const EventStore::Pending&, Outcome&)>;
  /// Gives `work` what is pending, up to `key_limit` keys. When it succeeds that is
  /// worked off, else it is pending still.
  Status TakePending(const estate::Integration& integration, int key_limit, const PendingWork& work,
                     Outcome& outcome);
  Status Build(const estate::Model& model, bool full_refresh,
               const std::optional<estate::Interval>& only, pipeline::Progress& progress,
               const std::stop_token& stop, Outcome& outcome);
  /// Records a run of TakePending, one at a time.
  Outcome WorkOff(const estate::Integration& integration, const std::string& trigger, int key_limit,
                  pipeline::Progress& progress, const PendingWork& work);
  /// What a record says of a job, whatever kind it is of.
  struct JobWords {
    std::string name;
    std::string mode;
    std::string engine;
  };
  static JobWords WordsOf(const estate::Integration& integration);
  JobWords WordsOf(const estate::Model& model) const;
  Outcome Record(const JobWords& job, const std::string& trigger,
                 const pipeline::Progress& progress, const std::function<Status(Outcome&)>& work);
  void Begin(const JobWords& job, const std::string& trigger, Outcome& outcome) const;
  void Finish(const pipeline::Progress& progress, std::chrono::nanoseconds took, Outcome& outcome);
  Status Move(const estate::Integration& integration, bool full_refresh,
              pipeline::Progress& progress, const std::stop_token& stop, Outcome& outcome);
  static void Count(const estate::Integration& integration, const pipeline::Committed& committed,
                    Outcome& outcome);
  Status MoveKeys(const estate::Integration& integration, const EventStore::Pending& pending,
                  pipeline::Progress& progress, const std::stop_token& stop, Outcome& outcome);

  const estate::Estate& estate_;
  StatePaths paths_;
  StateLock lock_;
  const Clock& clock_;
  std::unique_ptr<duck::Warehouse> warehouse_;
  std::shared_ptr<bigquery::Client> bigquery_;  // Of the engine bigquery, else nullptr.
  std::unique_ptr<RunStore> runs_;
  std::unique_ptr<EventStore> events_;
  std::unique_ptr<Inbox> inbox_;
  std::map<std::string, std::mutex> running_;  // By job; never gets another element.
};

}  // namespace afluente::orchestrator
