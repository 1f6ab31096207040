// A SQLite file as of one moment, held for a copy while others write on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"

struct sqlite3;

namespace afluente::orchestrator {

/// One thread uses it. What is written meanwhile stays in the file's log until it goes.
class SqliteMoment {
 public:
  /// What is committed in `file` now. Inside a SqliteFile::Transaction: what was before it;
  /// nothing else is committed until that ends. Errors: kInternal with SQLite's reason.
  static Result<SqliteMoment> Of(const std::filesystem::path& file);

  /// Copies it into the new file `file`, durably, with SQLite's online backup API, has
  /// SQLite check the copy, and compares the number of rows of each table, which it returns.
  /// Errors: kInternal with SQLite's reason.
  Result<std::map<std::string, std::uint64_t>> CopyTo(const std::filesystem::path& file) const;

 private:
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  std::unique_ptr<sqlite3, Close> database_;  // Reads in a transaction that has begun.
};

}  // namespace afluente::orchestrator
