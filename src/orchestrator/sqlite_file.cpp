#include "orchestrator/sqlite_file.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>
#include <unistd.h>

#include "orchestrator/sqlite_moment.h"

namespace afluente::orchestrator {
namespace {

// Texts with values in them would fill the memory.
constexpr std::size_t kStatementsMax = 100;

std::string Text(sqlite3_stmt* statement, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  if (text == nullptr) return "";
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))};
}

// A copy of the file as its version wrote it. Under another name until it is whole: another
// process may do the same.
Result<std::filesystem::path> PutAside(const std::filesystem::path& file, int version) {
  std::filesystem::path aside = file;
  aside += fmt::format(".v{}.bak", version);
  std::filesystem::path partial = aside;
  partial += fmt::format(".{}", getpid());
  std::error_code error;
  std::filesystem::remove(partial, error);
  AFL_ASSIGN(const SqliteMoment moment, SqliteMoment::Of(file));
  AFL_TRY(moment.CopyTo(partial));
  std::filesystem::rename(partial, aside, error);
  if (error) return Error(ErrorKind::kInternal, aside.string() + ": " + error.message());
  return aside;
}

// What brings a file of `version` to today's.
std::string StepsFrom(int version, const SqliteFile::Schema& schema) {
  if (version >= schema.version) return "";
  std::string sql = schema.create + ";";
  for (const auto& [since, step] : schema.steps) {
    if (version < since) sql += step + ";";
  }
  return sql + fmt::format("PRAGMA user_version = {}", schema.version);
}

}  // namespace

void SqliteFile::Close::operator()(sqlite3* database) const noexcept { sqlite3_close(database); }
void SqliteFile::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

Error SqliteFile::LastError() const {
  return {ErrorKind::kInternal, what_ + ": " + sqlite3_errmsg(database_.get())};
}

Result<std::unique_ptr<SqliteFile>> SqliteFile::Open(const std::filesystem::path& file,
                                                     Schema schema) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open(file.c_str(), &raw);
  std::unique_ptr<SqliteFile> database(new SqliteFile(raw, schema.what));
  if (opened != SQLITE_OK) return database->LastError();
  constexpr int kBusyMs = 5000;
  sqlite3_busy_timeout(raw, kBusyMs);
  AFL_ASSIGN(const Rows found, database->Select("PRAGMA user_version"));
  const int version = std::stoi(found.at(0).at(0));
  if (version > schema.version) {
    return Error(ErrorKind::kSchemaMismatch,
                 fmt::format("{} {} has version {}, this afluente knows {}; use the version that "
                             "wrote it, or a newer one",
                             schema.what, file.string(), version, schema.version));
  }
  constexpr const char* kSettings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";
  if (sqlite3_exec(raw, kSettings, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return database->LastError();
  }
  if (version == schema.version) return database;
  // A file of version 0 is new: it has nothing that could be lost.
  std::filesystem::path aside;
  if (version > 0) {
    AFL_ASSIGN(aside, PutAside(file, version));
  }
  AFL_TRY(database->Transaction([&]() -> Status {
    // Somebody else may have been quicker.
    AFL_ASSIGN(const Rows now, database->Select("PRAGMA user_version"));
    const std::string sql = StepsFrom(std::stoi(now.at(0).at(0)), schema);
    if (sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return Done{};
    return database->LastError();
  }));
  if (version > 0) {
    spdlog::info("{} {}: upgraded from version {} to {}; as it was it stands in {}", schema.what,
                 file.string(), version, schema.version, aside.string());
  }
  return database;
}

Result<sqlite3_stmt*> SqliteFile::Prepare(const std::string& sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) {
    return found->second.get();
  }
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(database_.get(), sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &raw,
                         nullptr) != SQLITE_OK) {
    return LastError();
  }
  if (statements_.size() >= kStatementsMax) statements_.clear();
  statements_[sql].reset(raw);
  return raw;
}

Result<SqliteFile::Rows> SqliteFile::Run(const std::string& sql,
                                         const std::vector<std::string>& parameters) {
  AFL_ASSIGN(sqlite3_stmt * raw, Prepare(sql));
  // A statement that is not at its beginning holds its locks.
  struct Reset {
    void operator()(sqlite3_stmt* statement) const {
      sqlite3_reset(statement);
      sqlite3_clear_bindings(statement);
    }
  };
  const std::unique_ptr<sqlite3_stmt, Reset> reset{raw};
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    sqlite3_bind_text(raw, static_cast<int>(i) + 1, parameters[i].c_str(),
                      static_cast<int>(parameters[i].size()), SQLITE_STATIC);
  }
  Rows rows;
  int step = SQLITE_ROW;
  while ((step = sqlite3_step(raw)) == SQLITE_ROW) {
    std::vector<std::string>& row = rows.emplace_back();
    const int columns = sqlite3_column_count(raw);
    row.reserve(static_cast<std::size_t>(columns));
    for (int i = 0; i < columns; ++i) row.push_back(Text(raw, i));
  }
  if (step != SQLITE_DONE) return LastError();
  return rows;
}

Result<int> SqliteFile::Execute(const std::string& sql,
                                const std::vector<std::string>& parameters) {
  const std::lock_guard lock(mutex_);
  AFL_TRY(Run(sql, parameters));
  return sqlite3_changes(database_.get());
}

Result<SqliteFile::Rows> SqliteFile::Select(const std::string& sql,
                                            const std::vector<std::string>& parameters) {
  const std::lock_guard lock(mutex_);
  return Run(sql, parameters);
}

Status SqliteFile::Transaction(const std::function<Status()>& work) {
  const std::lock_guard lock(mutex_);
  AFL_TRY(Run("BEGIN IMMEDIATE", {}));
  Status done = work();
  if (done.ok()) {
    const auto committed = Run("COMMIT", {});
    if (committed.ok()) return done;
    done = committed.error();
  }
  (void)Run("ROLLBACK", {});  // SQLite may have rolled back already.
  return done;
}

}  // namespace afluente::orchestrator
