// backup, restore: a copy of the whole state, and the way back.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/clock.h"
#include "cli/signals.h"
#include "cli/state_commands.h"
#include "cli/units.h"
#include "orchestrator/backup/backup.h"
#include "orchestrator/backup/restore.h"
#include "server/client.h"
#include "server/documents.h"

namespace afluente::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// The service's when one runs, else our own.
Result<json> TakeBackup(const GlobalFlags& flags, const fs::path& folder,
                        const std::stop_token& stop) {
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, flags.state));
  if (const auto service = server::Client::Find(paths.root)) {
    json backup;
    AFL_TRY(service->PostForLines(
        "/api/backup", {{"folder", folder.string()}},
        [&](const json& line) -> Status {
          if (line.contains("error")) return server::ErrorFromJson(line);
          if (line.contains("backup")) backup = line.at("backup");
          return Done{};
        },
        stop));
    if (!backup.is_null()) return backup;
    return Error(ErrorKind::kTransient, "the service ended before the backup was done");
  }
  if (!fs::exists(paths.run_store)) {
    return Error(ErrorKind::kNotFound,
                 fmt::format("there is nothing to back up: state folder {} has no run store",
                             paths.root.string()));
  }
  AFL_ASSIGN(const auto owner,
             orchestrator::Owner::Open(estate, flags.state, {}, "backup", SystemClock()));
  AFL_ASSIGN(const auto taken,
             orchestrator::TakeBackup(*owner, estate, folder, SystemClock(), stop));
  return orchestrator::ToJson(taken);
}

std::string Told(const json& backup) {
  return fmt::format("{} tables, {} rows, {} lake files, {} runs; {} MB, as of {}",
                     FormatCount(backup.at("tables").get<std::uint64_t>()),
                     FormatCount(backup.at("rows").get<std::uint64_t>()),
                     FormatCount(backup.at("lake_files").get<std::uint64_t>()),
                     FormatCount(backup.at("runs").get<std::uint64_t>()),
                     FormatMegabytes(backup.at("bytes").get<std::uint64_t>()),
                     backup.at("taken_at").get<std::string>().substr(0, 19) + "Z");
}

Result<int> Backup(const GlobalFlags& flags, const std::string& folder) {
  const StopOnSignal stop;
  const fs::path absolute = fs::absolute(folder).lexically_normal();
  AFL_ASSIGN(json backup, TakeBackup(flags, absolute, stop.token()));
  if (flags.json) {
    backup["folder"] = absolute.string();
    fmt::print("{}\n", backup.dump(2));
    return kOk;
  }
  fmt::print("backed up and compared: {}\n", Told(backup));
  for (const json& project : backup.at("projects")) {
    for (const json& view : project.at("lost_views")) {
      fmt::print("not in it, the next run of its model makes it: view {}\n",
                 view.get<std::string>());
    }
  }
  return kOk;
}

Result<int> Restore(const GlobalFlags& flags, const std::string& folder, bool force) {
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const auto restored, orchestrator::Restore(estate, flags.state, fs::absolute(folder),
                                                        force, SystemClock()));
  const json backup = orchestrator::ToJson(restored.backup);
  std::vector<std::string> moved;
  for (const fs::path& path : restored.moved_to) moved.push_back(path.string());
  if (flags.json) {
    const json document = {
        {"backup", backup}, {"moved_to", moved}, {"followed", restored.followed}};
    fmt::print("{}\n", document.dump(2));
    return kOk;
  }
  fmt::print("checked and restored: {}\n", Told(backup));
  for (const std::string& path : moved) fmt::print("what stood there is in {}\n", path);
  if (!restored.followed.empty()) {
    fmt::print(
        "{}: what changed since then is found by a comparison and repaired when "
        "`afluente serve` begins\n",
        fmt::join(restored.followed, ", "));
  }
  return kOk;
}

}  // namespace

void AddBackupCommands(const CommandContext& context) {
  auto folder = std::make_shared<std::string>();
  CLI::App* backup = AddCommand(
      context, "backup", "Copy run store, warehouse, lake and what waits, while they are in use",
      "  afluente backup /backups/2026-11-26\n"
      "Everything is as of one moment. Each copy is opened and compared before it is called\n"
      "done; a folder without backup.json is no backup. The estate itself stands in git.",
      [&flags = context.flags, folder] { return Backup(flags, *folder); });
  backup->add_option("DIR", *folder, "An empty folder, or one that does not exist")->required();

  auto from = std::make_shared<std::string>();
  auto force = std::make_shared<bool>(false);
  CLI::App* restore = AddCommand(
      context, "restore", "Make the state folder of a backup",
      "  afluente restore /backups/2026-11-26\n"
      "  afluente restore /backups/2026-11-26 --force    what stands there is moved aside\n"
      "The checksums of the backup are checked first. No service may run meanwhile.",
      [&flags = context.flags, from, force] { return Restore(flags, *from, *force); });
  restore->add_option("DIR", *from, "The folder of a backup")->required();
  restore->add_flag("--force", *force, "Move the state that stands there aside");
}

}  // namespace afluente::cli
