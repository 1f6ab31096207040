#include "orchestrator/backup/backup.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <mutex>
#include <optional>

#include "connectors/postgres/replication/kept_files.h"
#include "orchestrator/backup/durable_files.h"
#include "orchestrator/backup/lake_copy.h"
#include "orchestrator/backup/state_parts.h"
#include "orchestrator/kill_point.h"
#include "orchestrator/sqlite_moment.h"

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;

const std::string kPartial = std::string(kBackupManifestName) + ".partial";

// Empties what an earlier backup that was cut off left.
Status PrepareFolder(const fs::path& folder, const fs::path& state) {
  std::error_code error;
  const std::string below = folder.lexically_relative(state.lexically_normal()).string();
  if (!below.empty() && !below.starts_with("..")) {
    return Error(
        ErrorKind::kInvalidConfig,
        fmt::format("{} is inside the state folder {}, and would be moved aside with it by "
                    "a restore; name a folder elsewhere",
                    folder.string(), state.string()));
  }
  if (fs::exists(folder, error) && !fs::is_directory(folder, error)) {
    return Error(ErrorKind::kInvalidConfig, folder.string() + " is a file; name another folder");
  }
  const bool is_empty = !fs::exists(folder, error) || fs::is_empty(folder, error);
  const bool was_cut_off =
      fs::exists(folder / kPartial, error) && !fs::exists(folder / kBackupManifestName, error);
  if (!is_empty && !was_cut_off) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("{} is not empty; name a folder that is, or one that does not exist",
                             folder.string()));
  }
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (!error) {
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().filename() != kPartial) fs::remove_all(entry.path(), error);
    }
  }
  if (error) return Error(ErrorKind::kInvalidConfig, folder.string() + ": " + error.message());
  return WriteDurably(folder / kPartial, "");
}

class Backup {
 public:
  Backup(Owner& owner, const estate::Estate& estate, fs::path folder, const std::stop_token& stop)
      : owner_(owner), folder_(std::move(folder)), stop_(stop) {
    manifest_.afluente = ProgramVersion();
    manifest_.estate = estate.name;
    manifest_.formats = KnownFormats();
  }

  Status Pin(const Clock& clock);
  Status CopyStores();
  Status CopyLake();
  Status CopyWarehouse();
  Status CopyKept();
  Status Check();
  Result<BackupManifest> Finish();

 private:
  Status Stopped() const {
    if (stop_.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
    return Done{};
  }
  Status MakeFolder(const fs::path& relative) const {
    std::error_code error;
    fs::create_directories(folder_ / relative, error);
    if (error) return Error(ErrorKind::kInternal, folder_.string() + ": " + error.message());
    return Done{};
  }
  Status CheckLake() const;

  Owner& owner_;
  const fs::path folder_;
  const std::stop_token& stop_;
  BackupManifest manifest_;
  std::optional<SqliteMoment> runs_;
  std::optional<SqliteMoment> events_;
  std::unique_ptr<duck::WarehouseCopy> warehouse_;
  std::vector<LakePrefix> lake_;
};

Status Backup::Pin(const Clock& clock) {
  AFL_ASSIGN(warehouse_, duck::WarehouseCopy::Open(owner_.warehouse(), owner_.paths().warehouse));
  AFL_ASSIGN(runs_, SqliteMoment::Of(owner_.paths().run_store));
  manifest_.taken_at = FormatRfc3339(clock.Now());
  SqliteFile& events = owner_.events().file();
  return events.Transaction([&]() -> Status {
    AFL_ASSIGN(events_, SqliteMoment::Of(owner_.paths().event_store));
    AFL_TRY(warehouse_->Pin());
    AFL_ASSIGN(lake_, ReadLake(owner_.paths().lake));
    return Done{};
  });
}

Status Backup::CopyStores() {
  AFL_ASSIGN(auto counts, runs_->CopyTo(folder_ / kRunStorePart));
  manifest_.runs = counts["runs"];
  runs_.reset();  // What is written meanwhile stays in the log until then.
  AFL_TRY(events_->CopyTo(folder_ / kEventStorePart));
  events_.reset();
  return Stopped();
}

Status Backup::CopyLake() {
  AFL_TRY(MakeFolder(kLakePart));
  for (LakePrefix& prefix : lake_) {
    AFL_TRY(Stopped());
    AFL_TRY(CopyLakePrefix(owner_.paths().lake, folder_ / kLakePart, prefix));
    manifest_.lake_files += prefix.manifest.files.size();
  }
  return Done{};
}

Status Backup::CopyWarehouse() {
  AFL_TRY(MakeFolder(kWarehousePart));
  for (const std::string& project : owner_.warehouse().projects()) {
    AFL_ASSIGN(duck::CopiedProject copied, warehouse_->Copy(project, stop_));
    for (const std::string& lost : copied.lost_views) {
      spdlog::warn("backup: view {}; it is not in the copy, and the next run of its model makes it",
                   lost);
    }
    AFL_TRY(
        MoveDurably(warehouse_->FileOf(project), duck::FileOf(folder_ / kWarehousePart, project)));
    manifest_.projects.push_back(std::move(copied));
  }
  warehouse_.reset();
  return Done{};
}

Status Backup::CopyKept() {
  AFL_TRY(MakeFolder(kSpoolPart));
  const fs::path spool = owner_.paths().root / kSpoolPart;
  std::error_code error;
  if (!fs::exists(spool, error)) return Done{};
  for (const auto& entry : fs::directory_iterator(spool, error)) {
    if (entry.path().extension() != postgres::kKeptExtension) continue;
    AFL_TRY(Stopped());
    const fs::path to = folder_ / kSpoolPart / entry.path().filename();
    AFL_ASSIGN(const bool copied,
               postgres::CopyKeptChanges(spool, entry.path().stem().string(), to));
    if (copied) AFL_TRY(SyncPath(to));
  }
  return Done{};
}

Status Backup::CheckLake() const {
  for (const LakePrefix& prefix : lake_) {
    std::vector<fs::path> files;
    for (const lake::ManifestFile& file : prefix.manifest.files) {
      files.push_back(folder_ / kLakePart / prefix.path / file.name);
    }
    AFL_TRY(Stopped());
    AFL_ASSIGN(const auto rows, duck::CountParquetRows(files));
    for (std::size_t i = 0; i < files.size(); ++i) {
      const lake::ManifestFile& file = prefix.manifest.files[i];
      std::error_code error;
      if (rows[i] == file.rows && fs::file_size(files[i], error) == file.bytes) continue;
      return Error(ErrorKind::kInternal,
                   fmt::format("lake {}: file {} is not what its manifest says: {} rows, {} "
                               "expected; a run with --full-refresh of {} writes it anew",
                               prefix.path.string(), file.name, rows[i], file.rows,
                               prefix.manifest.integration));
    }
  }
  return Done{};
}

// SQLite's files were checked when they were copied.
Status Backup::Check() {
  for (const duck::CopiedProject& project : manifest_.projects) {
    AFL_TRY(
        duck::CheckCopy(duck::FileOf(folder_ / kWarehousePart, project.project), project, stop_));
  }
  return CheckLake();
}

Result<BackupManifest> Backup::Finish() {
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder_, error), end; at != end; at.increment(error)) {
    const fs::path& path = at->path();
    if (fs::is_directory(path)) AFL_TRY(SyncPath(path));
    if (fs::is_directory(path) || path.filename() == kPartial) continue;
    AFL_TRY(Stopped());
    BackupFile file;
    file.path = path.lexically_relative(folder_).string();
    file.bytes = fs::file_size(path, error);
    AFL_ASSIGN(file.sha256, Sha256OfFile(path));
    manifest_.files.push_back(std::move(file));
  }
  if (error) return Error(ErrorKind::kInternal, folder_.string() + ": " + error.message());
  std::sort(manifest_.files.begin(), manifest_.files.end(),
            [](const BackupFile& a, const BackupFile& b) { return a.path < b.path; });
  AFL_TRY(WriteDurably(folder_ / kBackupManifestName, ToJson(manifest_).dump(2) + "\n"));
  return manifest_;
}

}  // namespace

Result<BackupManifest> TakeBackup(Owner& owner, const estate::Estate& estate,
                                  const fs::path& folder, const Clock& clock,
                                  const std::stop_token& stop) {
  static std::mutex one_at_a_time;
  const std::unique_lock lock(one_at_a_time, std::try_to_lock);
  if (!lock.owns_lock()) {
    return Error(ErrorKind::kTransient, "another backup is being taken; wait for it");
  }
  AFL_TRY(PrepareFolder(folder, owner.paths().root));
  const auto at_step = KillPointOfEnvironment();
  Backup backup(owner, estate, folder, stop);
  AFL_TRY(backup.Pin(clock));
  at_step("backup_pinned");
  AFL_TRY(backup.CopyStores());
  AFL_TRY(backup.CopyLake());
  AFL_TRY(backup.CopyWarehouse());
  AFL_TRY(backup.CopyKept());
  at_step("backup_copied");
  AFL_TRY(backup.Check());
  at_step("backup_checked");
  return backup.Finish();
}

}  // namespace afluente::orchestrator
