// Files that the pieces of one task hand to each other.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "orchestrator/scheduler/executor.h"

namespace afluente::orchestrator {

/// Below the lake, since it is the one place that the warehouse's SQL may write: a folder for every
/// attempt. What a piece left is in the folder of its last attempt, whichever number that has.
/// Thread-safe.
class Exchange {
 public:
  explicit Exchange(const std::filesystem::path& lake)
      : root_(std::filesystem::absolute(lake) / "_exchange") {}  // Children run elsewhere.

  std::filesystem::path FolderOf(const AttemptRef& attempt) const;
  /// An empty folder for an attempt that begins a task. Folders of runs that nobody touched for a
  /// week go. Errors: kInternal with the path and the system's reason.
  Result<std::filesystem::path> Begin(const AttemptRef& attempt, WallTime now) const;
  /// The folder of an attempt, made if it is not there. Errors: as Begin.
  Result<std::filesystem::path> Make(const AttemptRef& attempt) const;
  /// The last attempt of `task` in `run`; nullopt when none has left anything.
  std::optional<AttemptRef> Last(const std::string& run, const std::string& task) const;
  /// The file `name` of the last attempt. Errors: kNotFound, with the cure, for none.
  Result<std::filesystem::path> Find(const std::string& run, const std::string& task,
                                     const std::string& name) const;
  /// Removes what these attempts left, but not that there were such attempts.
  void Empty(const std::vector<AttemptRef>& attempts) const;

 private:
  const std::filesystem::path root_;
};

}  // namespace afluente::orchestrator
