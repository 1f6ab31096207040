#include "orchestrator/state_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "orchestrator/backup/state_parts.h"

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFileScheme = "file://";

std::string ReadHolder(int file) {
  std::array<char, 256> text{};
  const ssize_t size = pread(file, text.data(), text.size(), 0);
  return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : "another process";
}

// Readers come and go: who would write waits a little for them, and not for another writer.
bool LockFile(int file, LockKind kind) {
  constexpr std::chrono::milliseconds kPause{20};
  constexpr int kTriesMax = 250;
  if (kind == LockKind::kShared) return flock(file, LOCK_SH | LOCK_NB) == 0;
  for (int tries = 1; flock(file, LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (tries == kTriesMax || flock(file, LOCK_SH | LOCK_NB) != 0) return false;
    flock(file, LOCK_UN);
    Pause(kPause);
  }
  return true;
}

}  // namespace

Result<StatePaths> PathsOf(const estate::Estate& estate, const fs::path& root) {
  StatePaths paths;
  paths.root = fs::absolute(root.empty() ? fs::path(estate.folder) / ".afluente" : root);
  paths.warehouse = paths.root / estate.warehouse.path;
  if (!estate.lake_url.starts_with(kFileScheme)) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("lake {} is not reachable by the embedded engine; expected file://",
                             estate.lake_url));
  }
  paths.lake = paths.root / estate.lake_url.substr(kFileScheme.size());
  paths.run_store = paths.root / kRunStorePart;
  paths.event_store = paths.root / kEventStorePart;
  return paths;
}

Result<StateLock> StateLock::Take(const fs::path& root, const std::string& command, LockKind kind) {
  std::error_code error;
  fs::create_directories(root, error);
  const fs::path path = root / "lock";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("state folder {}: {}", root.string(), std::strerror(errno)));
  }
  StateLock lock(file);
  if (!LockFile(file, kind)) {
    return Error(ErrorKind::kTransient,
                 fmt::format("state folder {} is held by {}; wait for it or stop it", root.string(),
                             ReadHolder(file)));
  }
  if (command != kRestoreCommand && fs::exists(root / kRestoringName, error)) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("a restore of state folder {} was cut off; `afluente restore BACKUP` "
                             "once more finishes it",
                             root.string()));
  }
  const std::string holder = fmt::format("afluente {} (pid {})", command, getpid());
  if (ftruncate(file, 0) != 0 ||
      pwrite(file, holder.data(), holder.size(), 0) != static_cast<ssize_t>(holder.size())) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("state folder {}: {}", root.string(), std::strerror(errno)));
  }
  return lock;
}

StateLock::StateLock(StateLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

StateLock& StateLock::operator=(StateLock&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

StateLock::~StateLock() {
  if (file_ >= 0) close(file_);
}

}  // namespace afluente::orchestrator
