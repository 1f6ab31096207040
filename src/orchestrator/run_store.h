// The record of what ran: SQLite in WAL mode, one writer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "orchestrator/sqlite_file.h"

namespace afluente::orchestrator {

enum class RunState : std::uint8_t {
  kQueued,  // Waits for its turn.
  kRunning,
  kSucceeded,
  kFailed,
  kCancelled,
  kSkipped,  // Another run of its job was running, and the job says that this one need not.
};

std::string_view NameOf(RunState state);
/// The state of that name; failed for any other.
RunState ParseRunState(std::string_view name);

struct RunRecord {
  std::string
      id;  // job + nominal time + trigger: "messages@2026-11-23T10:00:00.000000+00:00/manual".
  std::string job;
  std::string mode;    // Of an integration; "model".
  std::string engine;  // What ran it: "duckdb"; "" for an integration.
  RunState state = RunState::kRunning;
  std::string started_at;  // RFC 3339.
  std::string ended_at;    // "" while running.
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  double seconds = 0;
  std::string error_kind;  // "" unless failed.
  std::string error;

  /// Millions of bytes; 0 for a run that took no time.
  double MegabytesPerSecond() const {
    return seconds > 0 ? static_cast<double>(bytes) / 1e6 / seconds : 0;
  }
};

/// What the last verification of an integration found.
struct VerificationRecord {
  std::string integration;
  WallTime verified_at{};  // When it ended.
  std::uint64_t rows = 0;  // Of the source.
  std::uint64_t differences = 0;
  std::uint64_t repaired = 0;
  std::string error;  // Of one that could not be done; "" otherwise.
};

/// Thread-safe.
class RunStore {
 public:
  /// Opens or creates the store.
  /// Errors: kSchemaMismatch for a store of a newer version, kInternal else.
  static Result<std::unique_ptr<RunStore>> Open(const std::filesystem::path& file);

  Status Insert(const RunRecord& run);
  /// Moves a run from `running` to the state in `run`. kInternal if it was not
  /// running: somebody else ended it.
  Status Finish(const RunRecord& run);
  /// Runs that a dead process left as running become failed, but for the
  /// scheduler's, which it takes up again.
  Status FailAbandoned(const std::string& ended_at);
  /// The newest run of each job that has begun, by job.
  Result<std::vector<RunRecord>> Latest();
  /// The newest runs of one job, newest first.
  Result<std::vector<RunRecord>> History(const std::string& job, int limit);

  /// Replaces that of the same integration.
  Status Record(const VerificationRecord& verification);
  /// The last verification of each integration that had one, by name.
  Result<std::vector<VerificationRecord>> Verifications();

  /// Where the scheduler keeps what is its own.
  SqliteFile& file() { return *file_; }

 private:
  explicit RunStore(std::unique_ptr<SqliteFile> file) : file_(std::move(file)) {}
  Result<std::vector<RunRecord>> Select(const std::string& sql,
                                        const std::vector<std::string>& parameters);

  std::unique_ptr<SqliteFile> file_;
};

}  // namespace afluente::orchestrator
