#include "orchestrator/run_store.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/c_handle.h"

namespace afluente::orchestrator {
namespace {

using Statement = std::unique_ptr<sqlite3_stmt, FreeWith<sqlite3_finalize>>;

constexpr int kVersion = 1;
constexpr int kAnyChanges = -1;

constexpr const char* kCreate = R"(
CREATE TABLE IF NOT EXISTS runs (
  id TEXT PRIMARY KEY, job TEXT NOT NULL, mode TEXT NOT NULL, state TEXT NOT NULL,
  started_at TEXT NOT NULL, ended_at TEXT NOT NULL DEFAULT '', rows INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0,
  error_kind TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX IF NOT EXISTS runs_by_job ON runs(job, started_at);
PRAGMA user_version = 1;)";

constexpr const char* kColumns =
    "id, job, mode, state, started_at, ended_at, rows, bytes, seconds, error_kind, error";

Error SqliteError(sqlite3* database) {
  return {ErrorKind::kInternal, std::string("run store: ") + sqlite3_errmsg(database)};
}

Result<Statement> Prepare(sqlite3* database, const std::string& sql,
                          const std::vector<std::string>& parameters) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(database, sql.c_str(), -1, &raw, nullptr) != SQLITE_OK) {
    return SqliteError(database);
  }
  Statement statement(raw);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    sqlite3_bind_text(raw, static_cast<int>(i) + 1, parameters[i].c_str(),
                      static_cast<int>(parameters[i].size()), SQLITE_TRANSIENT);
  }
  return statement;
}

std::string Text(sqlite3_stmt* statement, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  return text == nullptr ? "" : text;
}

RunState ParseState(const std::string& name) {
  for (const RunState state : {RunState::kRunning, RunState::kSucceeded, RunState::kCancelled}) {
    if (NameOf(state) == name) return state;
  }
  return RunState::kFailed;
}

Result<int> UserVersion(sqlite3* database) {
  AFL_ASSIGN(const Statement statement, Prepare(database, "PRAGMA user_version", {}));
  if (sqlite3_step(statement.get()) != SQLITE_ROW) return SqliteError(database);
  return sqlite3_column_int(statement.get(), 0);
}

}  // namespace

std::string_view NameOf(RunState state) {
  switch (state) {
    case RunState::kRunning:
      return "running";
    case RunState::kSucceeded:
      return "succeeded";
    case RunState::kFailed:
      return "failed";
    case RunState::kCancelled:
      return "cancelled";
  }
  return "failed";
}

Result<std::unique_ptr<RunStore>> RunStore::Open(const std::filesystem::path& file) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open(file.c_str(), &raw);
  std::unique_ptr<RunStore> store(new RunStore(raw));
  if (opened != SQLITE_OK) return SqliteError(raw);
  sqlite3_busy_timeout(raw, 5000);
  AFL_ASSIGN(const int version, UserVersion(raw));
  if (version > kVersion) {
    return Error(ErrorKind::kSchemaMismatch,
                 fmt::format("run store {} has version {}, this afluente knows {}; use the version "
                             "that wrote it, or a newer one",
                             file.string(), version, kVersion));
  }
  const auto execute = [&](const char* sql) {
    return sqlite3_exec(raw, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  };
  if (!execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")) return SqliteError(raw);
  if (version < kVersion && !execute(kCreate)) return SqliteError(raw);
  return store;
}

RunStore::~RunStore() { sqlite3_close(database_); }

Status RunStore::Write(const std::string& sql, const std::vector<std::string>& parameters,
                       int expected_changes) {
  AFL_ASSIGN(const Statement statement, Prepare(database_, sql, parameters));
  if (sqlite3_step(statement.get()) != SQLITE_DONE) return SqliteError(database_);
  if (expected_changes != kAnyChanges && sqlite3_changes(database_) != expected_changes) {
    return Error(ErrorKind::kInternal, "run store: the run is not in the expected state");
  }
  return Done{};
}

Status RunStore::Insert(const RunRecord& run) {
  return Write("INSERT INTO runs(id, job, mode, state, started_at) VALUES (?, ?, ?, ?, ?)",
               {run.id, run.job, run.mode, std::string(NameOf(run.state)), run.started_at}, 1);
}

Status RunStore::Finish(const RunRecord& run) {
  return Write(
      "UPDATE runs SET state = ?, ended_at = ?, rows = CAST(? AS INTEGER), "
      "bytes = CAST(? AS INTEGER), seconds = CAST(? AS REAL), error_kind = ?, error = ? "
      "WHERE id = ? AND state = 'running'",
      {std::string(NameOf(run.state)), run.ended_at, std::to_string(run.rows),
       std::to_string(run.bytes), fmt::format("{:.6f}", run.seconds), run.error_kind, run.error,
       run.id},
      1);
}

Status RunStore::FailAbandoned(const std::string& ended_at) {
  return Write(
      "UPDATE runs SET state = 'failed', ended_at = ?, error_kind = 'internal', "
      "error = 'the process that ran it ended without a word' WHERE state = 'running'",
      {ended_at}, kAnyChanges);
}

Result<std::vector<RunRecord>> RunStore::Select(const std::string& sql,
                                                const std::vector<std::string>& parameters) {
  AFL_ASSIGN(const Statement statement, Prepare(database_, sql, parameters));
  std::vector<RunRecord> runs;
  int step = SQLITE_ROW;
  while ((step = sqlite3_step(statement.get())) == SQLITE_ROW) {
    sqlite3_stmt* row = statement.get();
    RunRecord run;
    run.id = Text(row, 0);
    run.job = Text(row, 1);
    run.mode = Text(row, 2);
    run.state = ParseState(Text(row, 3));
    run.started_at = Text(row, 4);
    run.ended_at = Text(row, 5);
    run.rows = static_cast<std::uint64_t>(sqlite3_column_int64(row, 6));
    run.bytes = static_cast<std::uint64_t>(sqlite3_column_int64(row, 7));
    run.seconds = sqlite3_column_double(row, 8);
    run.error_kind = Text(row, 9);
    run.error = Text(row, 10);
    runs.push_back(std::move(run));
  }
  if (step != SQLITE_DONE) return SqliteError(database_);
  return runs;
}

Result<std::vector<RunRecord>> RunStore::Latest() {
  return Select(fmt::format("SELECT {0} FROM (SELECT {0}, row_number() OVER (PARTITION BY job "
                            "ORDER BY started_at DESC) AS n FROM runs) WHERE n = 1 ORDER BY job",
                            kColumns),
                {});
}

Result<std::vector<RunRecord>> RunStore::History(const std::string& job, int limit) {
  return Select(fmt::format("SELECT {} FROM runs WHERE job = ? ORDER BY started_at DESC LIMIT {}",
                            kColumns, limit),
                {job});
}

}  // namespace afluente::orchestrator
