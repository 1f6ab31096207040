#include "orchestrator/backup/restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "orchestrator/backup/durable_files.h"
#include "orchestrator/backup/state_parts.h"
#include "orchestrator/event_store.h"
#include "orchestrator/kill_point.h"
#include "orchestrator/state_folder.h"

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;

Status CheckFiles(const BackupManifest& manifest, const fs::path& folder) {
  for (const BackupFile& file : manifest.files) {
    const fs::path path = folder / file.path;
    std::error_code error;
    const std::uintmax_t bytes = fs::file_size(path, error);
    std::string why;
    if (error) {
      why = error.message();
    } else if (bytes != file.bytes) {
      why = fmt::format("{} bytes, {} were written", bytes, file.bytes);
    } else {
      AFL_ASSIGN(const std::string sha256, Sha256OfFile(path));
      if (sha256 == file.sha256) continue;
      why = "its checksum is not that of what was written";
    }
    return Error(ErrorKind::kInternal,
                 fmt::format("the backup is damaged: {}: {}; use another one", path.string(), why));
  }
  return Done{};
}

// What is no part of a state: the lock that we hold, and a dead service's socket.
bool IsState(const fs::path& entry) {
  static const std::set<std::string> kOthers = {"lock", "afluente.sock", kRestoringName};
  return !kOthers.contains(entry.filename().string());
}

std::vector<fs::path> EntriesOf(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (IsState(entry.path())) entries.push_back(entry.path());
  }
  return entries;
}

bool IsBelow(const fs::path& path, const fs::path& root) {
  const auto [end, rest] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  return end == root.end();
}

// Warehouse and lake may stand elsewhere.
std::vector<fs::path> Outside(const StatePaths& paths) {
  std::vector<fs::path> outside;
  for (const fs::path& path : {paths.warehouse, paths.lake}) {
    std::error_code error;
    const bool is_there = fs::exists(path, error) && !fs::is_empty(path, error);
    if (is_there && !IsBelow(path.lexically_normal(), paths.root.lexically_normal())) {
      outside.push_back(path);
    }
  }
  return outside;
}

// "state" -> "state.before-20261126T060000123456Z": none that exists.
fs::path AsideOf(fs::path path, WallTime now) {
  std::string stamp = FormatRfc3339(now).substr(0, 26);
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':' || c == '.'; });
  path = path.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  path += ".before-" + stamp + "Z";
  return path;
}

Status Rename(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return Done{};
  return Error(ErrorKind::kInternal, fmt::format("{} cannot be moved to {}: {}", from.string(),
                                                 to.string(), error.message()));
}

Result<std::vector<fs::path>> MoveAside(const StatePaths& paths, WallTime now) {
  std::vector<fs::path> moved;
  const auto entries = EntriesOf(paths.root);
  if (!entries.empty()) {
    const fs::path aside = AsideOf(paths.root, now);
    std::error_code error;
    fs::create_directories(aside, error);
    for (const fs::path& entry : entries) AFL_TRY(Rename(entry, aside / entry.filename()));
    moved.push_back(aside);
  }
  for (const fs::path& path : Outside(paths)) {
    moved.push_back(AsideOf(path, now));
    AFL_TRY(Rename(path, moved.back()));
  }
  return moved;
}

fs::path TargetOf(const StatePaths& paths, const std::string& file) {
  const fs::path path = file;
  const fs::path first = *path.begin();
  const auto rest = [&] { return path.lexically_relative(first); };
  if (first == kWarehousePart) return paths.warehouse / rest();
  if (first == kLakePart) return paths.lake / rest();
  return paths.root / path;
}

// Only Parquet files of the lake are never changed.
Status Place(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to.parent_path(), error);
  if (error) return Error(ErrorKind::kInternal, to.string() + ": " + error.message());
  AFL_TRY(to.extension() == ".parquet" ? LinkOrCopy(from, to) : CopyDurably(from, to));
  return SyncPath(to.parent_path());
}

Status Adjust(const StatePaths& paths) {
  AFL_ASSIGN(const auto events, EventStore::Open(paths.event_store));
  AFL_TRY(events->file().Execute("DELETE FROM watched"));
  return Done{};
}

}  // namespace

Result<Restored> Restore(const estate::Estate& estate, const fs::path& state_root,
                         const fs::path& folder, bool force, const Clock& clock) {
  Restored restored;
  AFL_ASSIGN(restored.backup, ReadBackupManifest(folder));
  if (restored.backup.estate != estate.name) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("{} is a backup of estate {}, this is {}; name that estate with "
                             "--estate",
                             folder.string(), restored.backup.estate, estate.name));
  }
  AFL_TRY(CheckFiles(restored.backup, folder));
  AFL_ASSIGN(const StatePaths paths, PathsOf(estate, state_root));
  AFL_ASSIGN(const StateLock lock, StateLock::Take(paths.root, kRestoreCommand));
  std::error_code error;
  const fs::path mark = paths.root / kRestoringName;
  const bool was_cut_off = fs::exists(mark, error);
  const bool is_empty = EntriesOf(paths.root).empty() && Outside(paths).empty();
  if (!is_empty && !was_cut_off && !force) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("state folder {} is not empty; --force moves what stands there aside",
                             paths.root.string()));
  }
  const auto at_step = KillPointOfEnvironment();
  AFL_TRY(WriteDurably(mark, fs::absolute(folder).string() + "\n"));
  at_step("restore_marked");
  AFL_ASSIGN(restored.moved_to, MoveAside(paths, clock.Now()));
  at_step("restore_moved_aside");
  for (const BackupFile& file : restored.backup.files) {
    AFL_TRY(Place(folder / file.path, TargetOf(paths, file.path)));
    at_step("restore_placed");
  }
  AFL_TRY(Adjust(paths));
  at_step("restore_adjusted");
  fs::remove(mark, error);
  AFL_TRY(SyncPath(paths.root));
  std::set<std::string> followed;
  for (const auto& [name, integration] : estate.integrations) {
    if (integration.mode == estate::Mode::kCdc) followed.insert(integration.source.connection);
  }
  restored.followed.assign(followed.begin(), followed.end());
  return restored;
}

}  // namespace afluente::orchestrator
