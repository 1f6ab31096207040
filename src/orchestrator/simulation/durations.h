// How long tasks took so far.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "orchestrator/sqlite_file.h"

namespace afluente::orchestrator {

class Durations {
 public:
  /// Of no run.
  Durations() = default;
  /// From a run store: of each task the median of its newest attempts that succeeded.
  static Result<Durations> Read(SqliteFile& runs);

  /// nullopt for one that never succeeded.
  std::optional<std::chrono::microseconds> Find(const std::string& job,
                                                const std::string& task) const;

 private:
  std::map<std::pair<std::string, std::string>, std::chrono::microseconds> medians_;
};

}  // namespace afluente::orchestrator
