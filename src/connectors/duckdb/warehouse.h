// The embedded warehouse: a folder with one DuckDB file a project.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/lane_function.h"
#include "data/duckdb_api.h"
#include "estate/estate.h"

namespace afluente::duck {

/// The version of what we keep in the schema `_afluente` of every file.
constexpr int kFormatVersion = 1;
/// The schema of checkpoints and dead letters; hidden from `tables`.
constexpr const char* kSystemSchema = "_afluente";
/// Prefix of tables that a run fills and that no reader should see.
constexpr const char* kStagePrefix = "_afluente_stage_";

enum class Access : std::uint8_t { kReadOnly, kReadWrite };

struct WarehouseOptions {
  std::filesystem::path folder;     // Created when it is missing and access is kReadWrite.
  std::filesystem::path lake;       // The one place outside that SQL may read and write.
  std::vector<std::string> create;  // Projects that get a file when they have none.
  std::string mask_salt;            // For kMaskHashFunction; empty: the function fails.
  Access access = Access::kReadWrite;
  int threads = 1;  // Of DuckDB itself; lanes bring their own.
  std::size_t memory_bytes_max = std::size_t{256} << 20U;
};

/// One DuckDB instance with every project's file attached under the project's
/// name. Thread-safe: each thread takes a connection of its own.
class Warehouse {
 public:
  /// Opens all files in the folder. SQL that runs later cannot reach other
  /// files nor change settings.
  /// Errors: kSchemaMismatch for a file of a newer format, kInternal for one
  /// that is no database, kTransient when another process holds it.
  static Result<std::unique_ptr<Warehouse>> Open(const WarehouseOptions& options);

  Result<data::DuckConnection> Connect() const;

  /// Gives freed blocks of a project's file back for reuse. DuckDB refuses
  /// while a writer is active: tried again for up to a second, then left to
  /// the next checkpoint (kTransient).
  Status Checkpoint(const std::string& project) const;

  const std::vector<std::string>& projects() const { return projects_; }
  LaneRegistry& lanes() { return *lanes_; }

 private:
  Warehouse() = default;

  std::unique_ptr<LaneRegistry> lanes_ = std::make_unique<LaneRegistry>();  // Outlives database_.
  data::DuckDatabase database_;
  std::vector<std::string> projects_;
};

/// The projects that have a file in `folder`, sorted.
Result<std::vector<std::string>> ListProjects(const std::filesystem::path& folder);

/// A table's name in SQL, each part quoted.
std::string SqlName(const estate::TableAddress& table);

/// The file of a project.
std::filesystem::path FileOf(const std::filesystem::path& folder, const std::string& project);

/// What ATTACH says of a file that it may create.
std::string NewFileOptions();

/// Attaches `file` under the project's name and checks its format.
Status AttachFile(duckdb_connection connection, const std::filesystem::path& file,
                  const std::string& project, Access access);

/// Warehouse::Checkpoint of a file that is attached under any name.
Status CheckpointFile(duckdb_connection connection, const std::string& project);

}  // namespace afluente::duck
