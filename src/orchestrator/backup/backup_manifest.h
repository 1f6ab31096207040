// What a backup says of itself: the file that makes a folder a backup.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/warehouse_copy.h"

namespace afluente::orchestrator {

inline constexpr const char* kBackupManifestName = "backup.json";

struct BackupFile {
  std::string path;  // Relative to the backup's folder.
  std::uint64_t bytes = 0;
  std::string sha256;
};

struct BackupManifest {
  std::string afluente;                // The version that wrote it.
  std::string estate;                  // Its name.
  std::string taken_at;                // RFC 3339: everything is as of then.
  std::map<std::string, int> formats;  // By kind of file: "run_store", "warehouse", ...
  std::vector<BackupFile> files;
  std::vector<duck::CopiedProject> projects;
  std::uint64_t runs = 0;
  std::uint64_t lake_files = 0;

  std::uint64_t bytes() const;
  std::uint64_t tables() const;
  std::uint64_t rows() const;
};

/// The versions that this program writes, by kind of file.
std::map<std::string, int> KnownFormats();
/// Of this program.
std::string ProgramVersion();

nlohmann::json ToJson(const BackupManifest& manifest);

/// Errors: kNotFound for a folder that is no backup; kSchemaMismatch for one of a newer
/// version; kInternal for a damaged one. Each says what to do.
Result<BackupManifest> ReadBackupManifest(const std::filesystem::path& folder);

}  // namespace afluente::orchestrator
