// A small database of our own in one file: SQLite in WAL mode, every commit flushed.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace afluente::orchestrator {

/// Thread-safe: one statement or transaction at a time.
class SqliteFile {
 public:
  /// Cells as text; NULL is "".
  using Rows = std::vector<std::vector<std::string>>;

  struct Schema {
    std::string what;    // For messages: "run store".
    int version = 1;     // PRAGMA user_version.
    std::string create;  // Statements that bring any older version up to it.
    /// More of them, run once by files older than the version beside them: for what has no
    /// IF NOT EXISTS.
    std::vector<std::pair<int, std::string>> steps = {};
  };

  /// Opens or creates the file.
  /// Errors: kSchemaMismatch for a file of a newer version, kInternal else.
  static Result<std::unique_ptr<SqliteFile>> Open(const std::filesystem::path& file, Schema schema);

  /// Runs one statement, which is compiled once for its text; its `?` take
  /// `parameters`, as text. Returns how many rows it changed.
  Result<int> Execute(const std::string& sql, const std::vector<std::string>& parameters = {});
  Result<Rows> Select(const std::string& sql, const std::vector<std::string>& parameters = {});
  /// All of what `work` executes, or nothing when it fails.
  Status Transaction(const std::function<Status()>& work);

 private:
  explicit SqliteFile(sqlite3* database, std::string what)
      : database_(database), what_(std::move(what)) {}
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  Error LastError() const;
  Result<sqlite3_stmt*> Prepare(const std::string& sql);
  Result<Rows> Run(const std::string& sql, const std::vector<std::string>& parameters);

  std::recursive_mutex mutex_;
  std::unique_ptr<sqlite3, Close> database_;
  const std::string what_;
  /// Compiled, by their text; they go before the database.
  std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

}  // namespace afluente::orchestrator
