// The state folder: warehouse files, lake, run store, and the lock of the one process that owns
// them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "estate/estate.h"

namespace afluente::orchestrator {

/// Where the parts of an estate's state stand.
struct StatePaths {
  std::filesystem::path root;
  std::filesystem::path warehouse;
  std::filesystem::path lake;
  std::filesystem::path run_store;
  std::filesystem::path event_store;
};

/// `root` is --state, or `<estate>/.afluente` when that is empty.
/// Errors: kInvalidConfig for a lake that is not file://.
Result<StatePaths> PathsOf(const estate::Estate& estate, const std::filesystem::path& root);

/// One writer, or any number of readers.
enum class LockKind : std::uint8_t { kExclusive, kShared };

/// Holds the state folder for this process, from Take until destruction. The
/// kernel lets go of it when the process dies, however it dies.
class StateLock {
 public:
  /// Creates the folder when it is missing. Who takes it alone waits up to five seconds
  /// for readers.
  /// Errors: kTransient naming the process that holds it; kInvalidConfig when
  /// the folder cannot be written.
  static Result<StateLock> Take(const std::filesystem::path& root, const std::string& command,
                                LockKind kind = LockKind::kExclusive);

  StateLock(StateLock&& other) noexcept;
  StateLock& operator=(StateLock&& other) noexcept;
  StateLock(const StateLock&) = delete;
  StateLock& operator=(const StateLock&) = delete;
  ~StateLock();

 private:
  explicit StateLock(int file) : file_(file) {}
  int file_ = -1;
};

}  // namespace afluente::orchestrator
