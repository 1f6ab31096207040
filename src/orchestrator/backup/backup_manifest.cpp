#include "orchestrator/backup/backup_manifest.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "connectors/postgres/replication/kept_files.h"
#include "orchestrator/format_versions.h"

namespace afluente::orchestrator {
namespace {

using nlohmann::json;

constexpr int kFormat = 1;

BackupManifest FromJson(const json& document) {
  BackupManifest manifest;
  manifest.afluente = document.at("afluente");
  manifest.estate = document.at("estate");
  manifest.taken_at = document.at("taken_at");
  manifest.formats = document.at("formats").get<std::map<std::string, int>>();
  for (const json& file : document.at("files")) {
    manifest.files.push_back({file.at("path"), file.at("bytes"), file.at("sha256")});
  }
  for (const json& project : document.at("projects")) {
    duck::CopiedProject copied;
    copied.project = project.at("project");
    copied.views = project.at("views");
    copied.lost_views = project.at("lost_views").get<std::vector<std::string>>();
    for (const json& table : project.at("tables")) {
      copied.tables.push_back(
          {table.at("dataset"), table.at("table"), table.at("rows"), table.at("checksum")});
    }
    manifest.projects.push_back(std::move(copied));
  }
  manifest.runs = document.at("runs");
  manifest.lake_files = document.at("lake_files");
  return manifest;
}

Error Newer(const std::filesystem::path& path, const std::string& what, int version, int known) {
  return {ErrorKind::kSchemaMismatch,
          fmt::format("{}: {} has version {}, this afluente knows {}; use the version that wrote "
                      "it, or a newer one",
                      path.string(), what, version, known)};
}

}  // namespace

std::uint64_t BackupManifest::bytes() const {
  std::uint64_t sum = 0;
  for (const BackupFile& file : files) sum += file.bytes;
  return sum;
}

std::uint64_t BackupManifest::tables() const {
  std::uint64_t sum = 0;
  for (const duck::CopiedProject& project : projects) {
    for (const duck::CopiedTable& table : project.tables) {
      sum += table.dataset == duck::kSystemSchema ? 0 : 1;
    }
  }
  return sum;
}

std::uint64_t BackupManifest::rows() const {
  std::uint64_t sum = 0;
  for (const duck::CopiedProject& project : projects) {
    for (const duck::CopiedTable& table : project.tables) {
      sum += table.dataset == duck::kSystemSchema ? 0 : table.rows;
    }
  }
  return sum;
}

std::map<std::string, int> KnownFormats() {
  return {{"run_store", kRunStoreVersion},
          {"event_store", kEventStoreVersion},
          {"warehouse", duck::kFormatVersion},
          {"kept_changes", postgres::kKeptVersion}};
}

std::string ProgramVersion() { return AFLUENTE_VERSION; }

json ToJson(const BackupManifest& manifest) {
  json document = {{"format", kFormat},
                   {"afluente", manifest.afluente},
                   {"estate", manifest.estate},
                   {"taken_at", manifest.taken_at},
                   {"formats", manifest.formats},
                   {"files", json::array()},
                   {"projects", json::array()},
                   {"runs", manifest.runs},
                   {"lake_files", manifest.lake_files},
                   {"tables", manifest.tables()},
                   {"rows", manifest.rows()},
                   {"bytes", manifest.bytes()}};
  for (const BackupFile& file : manifest.files) {
    document["files"].push_back(
        {{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  for (const duck::CopiedProject& project : manifest.projects) {
    json tables = json::array();
    for (const duck::CopiedTable& table : project.tables) {
      tables.push_back({{"dataset", table.dataset},
                        {"table", table.table},
                        {"rows", table.rows},
                        {"checksum", table.checksum}});
    }
    document["projects"].push_back({{"project", project.project},
                                    {"tables", std::move(tables)},
                                    {"views", project.views},
                                    {"lost_views", project.lost_views}});
  }
  return document;
}

Result<BackupManifest> ReadBackupManifest(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kBackupManifestName;
  std::ifstream file(path);
  if (!file) {
    return Error(ErrorKind::kNotFound,
                 fmt::format("{} is no backup: it has no {}, which is written when everything else "
                             "is; take another one",
                             folder.string(), kBackupManifestName));
  }
  std::stringstream text;
  text << file.rdbuf();
  const json document = json::parse(text.str(), nullptr, false);
  try {
    const int format = document.at("format");
    if (format > kFormat) return Newer(path, "the backup", format, kFormat);
    BackupManifest manifest = FromJson(document);
    const auto known = KnownFormats();
    for (const auto& [what, version] : manifest.formats) {
      const auto found = known.find(what);
      const int mine = found == known.end() ? 0 : found->second;
      if (version > mine) return Newer(path, what, version, mine);
    }
    return manifest;
  } catch (const json::exception&) {
    return Error(ErrorKind::kInternal,
                 fmt::format("{} is damaged; use another backup", path.string()));
  }
}

}  // namespace afluente::orchestrator
