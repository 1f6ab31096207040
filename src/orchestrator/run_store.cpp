#include "orchestrator/run_store.h"

#include <fmt/format.h>

#include "orchestrator/format_versions.h"

namespace afluente::orchestrator {
namespace {

constexpr const char* kCreate = R"(
CREATE TABLE IF NOT EXISTS runs (
  id TEXT PRIMARY KEY, job TEXT NOT NULL, mode TEXT NOT NULL, state TEXT NOT NULL,
  started_at TEXT NOT NULL, ended_at TEXT NOT NULL DEFAULT '', rows INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0,
  error_kind TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX IF NOT EXISTS runs_by_job ON runs(job, started_at);
CREATE TABLE IF NOT EXISTS verifications (
  integration TEXT PRIMARY KEY, verified_at_us INTEGER NOT NULL, rows INTEGER NOT NULL,
  differences INTEGER NOT NULL, repaired INTEGER NOT NULL, error TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS shadows (
  integration TEXT PRIMARY KEY, state TEXT NOT NULL, changed_us INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS shadow_comparisons (
  integration TEXT NOT NULL, compared_us INTEGER NOT NULL, day TEXT NOT NULL,
  old_rows INTEGER NOT NULL, new_rows INTEGER NOT NULL, differences INTEGER NOT NULL,
  notes TEXT NOT NULL, error TEXT NOT NULL,
  PRIMARY KEY (integration, compared_us)) STRICT, WITHOUT ROWID)";

constexpr const char* kAddJobs = R"(
ALTER TABLE runs ADD COLUMN engine TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN trigger TEXT NOT NULL DEFAULT 'manual';
ALTER TABLE runs ADD COLUMN nominal_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN interval_start_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN params TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN created_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN started_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN ended_us INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_unfinished ON runs(state) WHERE state IN ('queued', 'running');
CREATE TABLE tasks (
  run TEXT NOT NULL, task TEXT NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL,
  failures INTEGER NOT NULL, due_us INTEGER NOT NULL, started_us INTEGER NOT NULL,
  ended_us INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, seconds REAL NOT NULL,
  error_kind TEXT NOT NULL, error TEXT NOT NULL, output TEXT NOT NULL,
  PRIMARY KEY (run, task)) STRICT, WITHOUT ROWID;
CREATE TABLE attempts (
  run TEXT NOT NULL, task TEXT NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL,
  started_us INTEGER NOT NULL, ended_us INTEGER NOT NULL, seconds REAL NOT NULL,
  rows INTEGER NOT NULL, bytes INTEGER NOT NULL, error_kind TEXT NOT NULL, error TEXT NOT NULL,
  PRIMARY KEY (run, task, attempt)) STRICT, WITHOUT ROWID;
CREATE TABLE jobs (
  job TEXT PRIMARY KEY, paused INTEGER NOT NULL, high_water_us INTEGER NOT NULL,
  schedule TEXT NOT NULL, missed INTEGER NOT NULL) STRICT)";

constexpr const char* kColumns =
    "id, job, mode, state, started_at, ended_at, rows, bytes, seconds, error_kind, error, engine";

// One run's row, in the state that the statement expects.
Status ExpectOne(const Result<int>& changed) {
  if (!changed.ok()) return changed.error();
  if (changed.value() == 1) return Done{};
  return Error(ErrorKind::kInternal, "run store: the run is not in the expected state");
}

}  // namespace

std::string_view NameOf(RunState state) {
  switch (state) {
    case RunState::kQueued:
      return "queued";
    case RunState::kRunning:
      return "running";
    case RunState::kSucceeded:
      return "succeeded";
    case RunState::kFailed:
      return "failed";
    case RunState::kCancelled:
      return "cancelled";
    case RunState::kSkipped:
      return "skipped";
  }
  return "failed";
}

RunState ParseRunState(std::string_view name) {
  for (const RunState state : {RunState::kQueued, RunState::kRunning, RunState::kSucceeded,
                               RunState::kCancelled, RunState::kSkipped}) {
    if (NameOf(state) == name) return state;
  }
  return RunState::kFailed;
}

Result<std::unique_ptr<RunStore>> RunStore::Open(const std::filesystem::path& file) {
  AFL_ASSIGN(auto opened,
             SqliteFile::Open(file, {"run store", kRunStoreVersion, kCreate, {{3, kAddJobs}}}));
  return std::unique_ptr<RunStore>(new RunStore(std::move(opened)));
}

Status RunStore::Insert(const RunRecord& run) {
  return ExpectOne(file_->Execute(
      "INSERT INTO runs(id, job, mode, state, started_at, engine) VALUES (?, ?, ?, ?, ?, ?)",
      {run.id, run.job, run.mode, std::string(NameOf(run.state)), run.started_at, run.engine}));
}

Status RunStore::Finish(const RunRecord& run) {
  return ExpectOne(file_->Execute(
      "UPDATE runs SET state = ?, ended_at = ?, rows = CAST(? AS INTEGER), "
      "bytes = CAST(? AS INTEGER), seconds = CAST(? AS REAL), error_kind = ?, error = ? "
      "WHERE id = ? AND state = 'running'",
      {std::string(NameOf(run.state)), run.ended_at, std::to_string(run.rows),
       std::to_string(run.bytes), fmt::format("{:.6f}", run.seconds), run.error_kind, run.error,
       run.id}));
}

Status RunStore::FailAbandoned(const std::string& ended_at) {
  AFL_TRY(file_->Execute(
      "UPDATE runs SET state = 'failed', ended_at = ?, error_kind = 'internal', "
      "error = 'the process that ran it ended without a word' WHERE state = 'running' AND NOT "
      "EXISTS (SELECT 1 FROM tasks WHERE run = runs.id)",
      {ended_at}));
  return Done{};
}

Result<std::vector<RunRecord>> RunStore::Select(const std::string& sql,
                                                const std::vector<std::string>& parameters) {
  AFL_ASSIGN(const auto rows, file_->Select(sql, parameters));
  std::vector<RunRecord> runs;
  for (const auto& row : rows) {
    RunRecord run;
    run.id = row[0];
    run.job = row[1];
    run.mode = row[2];
    run.state = ParseRunState(row[3]);
    run.started_at = row[4];
    run.ended_at = row[5];
    run.rows = std::stoull(row[6]);
    run.bytes = std::stoull(row[7]);
    run.seconds = std::stod(row[8]);
    run.error_kind = row[9];
    run.error = row[10];
    run.engine = row[11];
    runs.push_back(std::move(run));
  }
  return runs;
}

Result<std::vector<RunRecord>> RunStore::Latest() {
  return Select(
      fmt::format("SELECT {0} FROM (SELECT {0}, row_number() OVER (PARTITION BY job "
                  "ORDER BY started_at DESC) AS n FROM runs WHERE state NOT IN ('queued', "
                  "'skipped')) WHERE n = 1 ORDER BY job",
                  kColumns),
      {});
}

Result<std::vector<RunRecord>> RunStore::History(const std::string& job, int limit) {
  return Select(fmt::format("SELECT {} FROM runs WHERE job = ? ORDER BY started_at DESC LIMIT {}",
                            kColumns, limit),
                {job});
}

Status RunStore::Record(const VerificationRecord& verification) {
  return ExpectOne(file_->Execute(
      "INSERT OR REPLACE INTO verifications(integration, verified_at_us, rows, differences, "
      "repaired, error) VALUES (?, CAST(? AS INTEGER), CAST(? AS INTEGER), CAST(? AS INTEGER), "
      "CAST(? AS INTEGER), ?)",
      {verification.integration,
       std::to_string(verification.verified_at.time_since_epoch().count()),
       std::to_string(verification.rows), std::to_string(verification.differences),
       std::to_string(verification.repaired), verification.error}));
}

Result<std::vector<VerificationRecord>> RunStore::Verifications() {
  AFL_ASSIGN(const auto rows,
             file_->Select("SELECT integration, verified_at_us, rows, differences, repaired, error "
                           "FROM verifications ORDER BY integration",
                           {}));
  std::vector<VerificationRecord> records;
  for (const auto& row : rows) {
    records.push_back({row[0], WallTime(std::chrono::microseconds(std::stoll(row[1]))),
                       std::stoull(row[2]), std::stoull(row[3]), std::stoull(row[4]), row[5]});
  }
  return records;
}

}  // namespace afluente::orchestrator
