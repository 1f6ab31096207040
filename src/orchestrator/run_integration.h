// One run of one integration, from the estate to the record.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "connectors/duckdb/warehouse.h"
#include "estate/estate.h"
#include "orchestrator/run_store.h"
#include "orchestrator/state_folder.h"
#include "pipeline/progress.h"

namespace afluente::orchestrator {

/// The process that owns the state folder: lock, warehouse, run store.
/// One thread runs integrations through it.
class Owner {
 public:
  /// Takes the lock and opens everything; projects that `integrations` write
  /// get their warehouse file. Errors: of the parts.
  static Result<std::unique_ptr<Owner>> Open(
      const estate::Estate& estate, const std::filesystem::path& state_root,
      const std::vector<const estate::Integration*>& integrations, const std::string& command,
      const Clock& clock);

  duck::Warehouse& warehouse() { return *warehouse_; }
  const StatePaths& paths() const { return paths_; }
  RunStore& runs() { return *runs_; }

  struct Outcome {
    RunRecord run;
    std::vector<std::string> schema_changes;
    std::uint64_t dead_letters = 0;
    std::uint64_t rows_written = 0;  // At the destination; run.rows counts what was read.
    Status status = Done{};
  };

  /// Catches up with the changes of all cdc integrations of `connection`, and
  /// records a run of each. Those of `resync` are copied again first.
  std::vector<Outcome> CatchUp(
      const std::string& connection, const std::vector<std::string>& resync,
      const std::function<pipeline::Progress&(const std::string&)>& progress_of,
      const std::stop_token& stop);

  /// Runs one integration and records it. The outcome's status says how it
  /// ended; this call itself never fails otherwise.
  Outcome Run(const estate::Integration& integration, bool full_refresh,
              pipeline::Progress& progress, const std::stop_token& stop);

 private:
  Owner(const estate::Estate& estate, StatePaths paths, StateLock lock, const Clock& clock)
      : estate_(estate), paths_(std::move(paths)), lock_(std::move(lock)), clock_(clock) {}

  void Begin(const estate::Integration& integration, Outcome& outcome) const;
  void Finish(const pipeline::Progress& progress, std::chrono::nanoseconds took, Outcome& outcome);
  Status Move(const estate::Integration& integration, bool full_refresh,
              pipeline::Progress& progress, const std::stop_token& stop, Outcome& outcome);

  const estate::Estate& estate_;
  StatePaths paths_;
  StateLock lock_;
  const Clock& clock_;
  std::unique_ptr<duck::Warehouse> warehouse_;
  std::unique_ptr<RunStore> runs_;
};

}  // namespace afluente::orchestrator
