// What a lake prefix holds: the one file that decides which Parquet files count.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/dead_letter.h"
#include "data/position.h"

namespace afluente::lake {

struct ManifestFile {
  std::string name;  // Beside the manifest.
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
};

struct ManifestColumn {
  std::string name;
  std::string type;  // As DuckDB prints it.
};

/// `_manifest.json` of a prefix. Data and position change together, because
/// they stand in one file that is replaced by a rename.
struct Manifest {
  std::string integration;
  data::Position position;
  std::vector<ManifestColumn> columns;
  std::vector<ManifestFile> files;
  std::vector<data::DeadLetter> dead_letters;  // Of the rows that the files cover.
};

/// nullopt: the prefix has none yet.
/// Errors: kInternal with the cure for a damaged one, kSchemaMismatch for one
/// of a newer format.
Result<std::optional<Manifest>> ReadManifest(const std::filesystem::path& prefix);

/// Makes the listed files and then the manifest durable, in that order.
/// Errors: kInternal with the system's reason; the old manifest stays.
Status WriteManifest(const std::filesystem::path& prefix, const Manifest& manifest);

/// Removes Parquet files that `manifest` does not list: what a crash or a
/// replaced version left.
void RemoveUnlisted(const std::filesystem::path& prefix, const Manifest& manifest);

}  // namespace afluente::lake
