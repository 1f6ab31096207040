#include "orchestrator/sqlite_moment.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <vector>

#include "base/names.h"

namespace afluente::orchestrator {
namespace {

// The first column of what `sql` yields.
Result<std::vector<std::string>> Cells(sqlite3* database, const std::string& sql) {
  std::vector<std::string> cells;
  const auto add = [](void* all, int, char** row, char**) {
    static_cast<std::vector<std::string>*>(all)->emplace_back(row[0] == nullptr ? "" : row[0]);
    return 0;
  };
  if (sqlite3_exec(database, sql.c_str(), add, &cells, nullptr) == SQLITE_OK) return cells;
  return Error(ErrorKind::kInternal, sqlite3_errmsg(database));
}

}  // namespace

void SqliteMoment::Close::operator()(sqlite3* database) const noexcept { sqlite3_close(database); }

Result<SqliteMoment> SqliteMoment::Of(const std::filesystem::path& file) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
  SqliteMoment moment;
  moment.database_.reset(raw);
  constexpr int kBusyMs = 5000;
  const bool pinned = opened == SQLITE_OK && sqlite3_busy_timeout(raw, kBusyMs) == SQLITE_OK &&
                      sqlite3_exec(raw, "BEGIN; SELECT count(*) FROM sqlite_schema", nullptr,
                                   nullptr, nullptr) == SQLITE_OK;
  if (!pinned) return Error(ErrorKind::kInternal, file.string() + ": " + sqlite3_errmsg(raw));
  return moment;
}

Result<std::map<std::string, std::uint64_t>> SqliteMoment::CopyTo(
    const std::filesystem::path& file) const {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open(file.c_str(), &raw);
  const std::unique_ptr<sqlite3, Close> copy(raw);
  const auto failed = [&](const std::string& why) {
    return Error(ErrorKind::kInternal, file.string() + ": " + why);
  };
  if (opened != SQLITE_OK) return failed(sqlite3_errmsg(raw));
  sqlite3_backup* backup = sqlite3_backup_init(raw, "main", database_.get(), "main");
  if (backup == nullptr) return failed(sqlite3_errmsg(raw));
  constexpr int kAllPages = -1;
  const int stepped = sqlite3_backup_step(backup, kAllPages);
  if (sqlite3_backup_finish(backup) != SQLITE_OK || stepped != SQLITE_DONE) {
    return failed(sqlite3_errmsg(raw));
  }
  // One file: without a log beside it.
  AFL_TRY(Cells(raw, "PRAGMA journal_mode = DELETE").Within([&] { return file.string(); }));
  AFL_ASSIGN(const auto checked,
             Cells(raw, "PRAGMA integrity_check").Within([&] { return file.string(); }));
  if (checked != std::vector<std::string>{"ok"}) return failed("is damaged: " + checked.front());
  std::map<std::string, std::uint64_t> counts;
  AFL_ASSIGN(const auto tables,
             Cells(database_.get(), "SELECT name FROM sqlite_schema WHERE type = 'table'"));
  for (const std::string& table : tables) {
    const std::string sql = "SELECT count(*) FROM " + QuoteIdentifier(table);
    AFL_ASSIGN(const auto rows, Cells(database_.get(), sql));
    AFL_ASSIGN(const auto copied, Cells(raw, sql));
    if (rows != copied) {
      return failed(
          fmt::format("table {} has {} rows, {} were copied", table, copied.front(), rows.front()));
    }
    counts[table] = std::stoull(rows.front());
  }
  return counts;
}

}  // namespace afluente::orchestrator
