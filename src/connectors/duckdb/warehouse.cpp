#include "connectors/duckdb/warehouse.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/clock.h"
#include "base/names.h"
#include "connectors/duckdb/mask_hash.h"
#include "connectors/duckdb/row_hash.h"
#include "connectors/duckdb/warehouse_copy.h"

namespace afluente::duck {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExtension = ".duckdb";

// Of new files: it brings DICT_FSST, which takes less room than FSST and
// dictionaries at the same CPU time, and is the oldest one that does.
constexpr const char* kStorageVersion = "v1.5.0";

Error OpenError(const fs::path& file, const Error& cause) {
  const std::string text = cause.message();
  const auto says = [&](std::string_view part) { return text.find(part) != std::string::npos; };
  if (says("Could not set lock")) {
    return {ErrorKind::kTransient,
            fmt::format("warehouse file {} is held by another process", file.string())};
  }
  if (says("newer version") || says("storage version")) {
    return {ErrorKind::kSchemaMismatch,
            fmt::format("warehouse file {} was written by a newer DuckDB; use the afluente that "
                        "wrote it, or a newer one",
                        file.string())};
  }
  return {ErrorKind::kInternal, fmt::format("warehouse file {}: {}", file.string(), text)};
}

Result<bool> HasSystemSchema(duckdb_connection connection, const std::string& project) {
  AFL_ASSIGN(const auto table,
             data::QueryCells(connection,
                              fmt::format("SELECT 1 FROM duckdb_tables() WHERE database_name = {} "
                                          "AND schema_name = {} AND table_name = 'format'",
                                          QuoteLiteral(project), QuoteLiteral(kSystemSchema))));
  return !table.empty();
}

// 0: a process died before it was written.
Result<int> ReadFormat(duckdb_connection connection, const std::string& project) {
  AFL_ASSIGN(const bool has_format, HasSystemSchema(connection, project));
  if (!has_format) return 0;
  AFL_ASSIGN(const auto rows,
             data::QueryCells(connection, fmt::format("SELECT version FROM {}.{}.format",
                                                      QuoteIdentifier(project), kSystemSchema)));
  return rows.empty() ? 0 : std::atoi(rows.front().front().text.c_str());
}

Status CheckFormat(duckdb_connection connection, const std::string& project, const fs::path& file) {
  AFL_ASSIGN(const int version, ReadFormat(connection, project));
  if (version <= kFormatVersion) return Done{};
  return Error(
      ErrorKind::kSchemaMismatch,
      fmt::format("warehouse file {} has format {}, this afluente knows format {}; use the "
                  "version that wrote it, or a newer one",
                  file.string(), version, kFormatVersion));
}

// The file itself, so that it is as that version wrote it.
Status PutAside(duckdb_connection connection, const fs::path& file, const std::string& project,
                const fs::path& aside) {
  const std::string name = QuoteIdentifier(project);
  AFL_TRY(data::Execute(connection, "CHECKPOINT " + name));  // The log into the file.
  AFL_TRY(data::Execute(connection, "DETACH " + name));
  fs::path partial = aside;
  partial += ".partial";
  std::error_code error;
  fs::copy_file(file, partial, fs::copy_options::overwrite_existing, error);
  if (!error) fs::rename(partial, aside, error);
  if (error) {
    return Error(ErrorKind::kInternal, fmt::format("{} cannot be put aside as {}: {}",
                                                   file.string(), aside.string(), error.message()));
  }
  return AttachFile(connection, file, project, Access::kReadWrite);
}

Status CreateSystemSchema(duckdb_connection connection, const std::string& project) {
  const std::string schema = QuoteIdentifier(project) + "." + kSystemSchema;
  return data::Execute(
      connection,
      fmt::format("BEGIN; CREATE SCHEMA IF NOT EXISTS {0};"
                  "CREATE TABLE {0}.format(version INTEGER); INSERT INTO {0}.format VALUES ({1});"
                  "CREATE TABLE {0}.checkpoints(destination VARCHAR, integration VARCHAR, "
                  "kind VARCHAR, position VARCHAR, committed_at TIMESTAMPTZ);"
                  "CREATE TABLE {0}.dead_letters(destination VARCHAR, integration VARCHAR, "
                  "key VARCHAR, reason VARCHAR, committed_at TIMESTAMPTZ, \"row\" VARCHAR, "
                  "position VARCHAR);"
                  "COMMIT",
                  schema, kFormatVersion));
}

// Files of the same format from before dead letters had the row and its place.
Status AddMissingColumns(duckdb_connection connection, const fs::path& file,
                         const std::string& project) {
  AFL_ASSIGN(const int version, ReadFormat(connection, project));
  AFL_ASSIGN(const auto has_rows,
             data::QueryCells(
                 connection, fmt::format("SELECT 1 FROM duckdb_columns() WHERE database_name = {} "
                                         "AND schema_name = {} AND table_name = 'dead_letters' AND "
                                         "column_name = 'position'",
                                         QuoteLiteral(project), QuoteLiteral(kSystemSchema))));
  if (version == 0 || !has_rows.empty()) return Done{};
  fs::path aside = file;
  aside += fmt::format(".v{}.bak", version);
  AFL_TRY(PutAside(connection, file, project, aside));
  AFL_TRY(data::Execute(
      connection, fmt::format("BEGIN; ALTER TABLE {0} ADD COLUMN IF NOT EXISTS \"row\" VARCHAR; "
                              "ALTER TABLE {0} ADD COLUMN IF NOT EXISTS position VARCHAR; COMMIT",
                              QuoteIdentifier(project) + "." + kSystemSchema + ".dead_letters")));
  spdlog::info("warehouse file {}: upgraded; as it was it stands in {}", file.string(),
               aside.string());
  return Done{};
}

std::string SafetySettings(const WarehouseOptions& options) {
  std::string allowed;
  for (const fs::path& folder : {options.lake, CopiesOf(options.folder)}) {
    if (folder.empty()) continue;
    allowed += (allowed.empty() ? "" : ", ") + QuoteLiteral(fs::absolute(folder).string() + "/");
  }
  return fmt::format(
      "SET allowed_directories = [{}]; SET enable_external_access = false; "
      "SET lock_configuration = true",
      allowed);
}

}  // namespace

std::string SqlName(const estate::TableAddress& table) {
  return fmt::format("{}.{}.{}", QuoteIdentifier(table.project), QuoteIdentifier(table.dataset),
                     QuoteIdentifier(table.table));
}

fs::path FileOf(const fs::path& folder, const std::string& project) {
  return folder / (project + kExtension);
}

Result<std::vector<std::string>> ListProjects(const fs::path& folder) {
  std::vector<std::string> projects;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    // Of no bytes: a process died before DuckDB wrote its header.
    std::error_code size_error;
    if (entry.file_size(size_error) == 0) continue;
    if (entry.path().extension() == kExtension) projects.push_back(entry.path().stem().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Error(ErrorKind::kInvalidConfig, folder.string() + ": " + error.message());
  }
  std::sort(projects.begin(), projects.end());
  return projects;
}

std::string NewFileOptions() { return fmt::format(" (STORAGE_VERSION '{}')", kStorageVersion); }

Status AttachFile(duckdb_connection connection, const fs::path& file, const std::string& project,
                  Access access) {
  const Status attached = data::Execute(
      connection,
      fmt::format("ATTACH {} AS {}{}", QuoteLiteral(file.string()), QuoteIdentifier(project),
                  access == Access::kReadOnly ? std::string(" (READ_ONLY)") : NewFileOptions()));
  if (!attached.ok()) return OpenError(file, attached.error());
  return CheckFormat(connection, project, file);
}

Result<std::unique_ptr<Warehouse>> Warehouse::Open(const WarehouseOptions& options) {
  std::error_code error;
  if (options.access == Access::kReadWrite) {
    fs::remove_all(CopiesOf(options.folder), error);  // What a process that died has left.
    fs::create_directories(options.folder, error);
  }
  if (error) {
    return Error(ErrorKind::kInvalidConfig, options.folder.string() + ": " + error.message());
  }
  auto warehouse = std::unique_ptr<Warehouse>(new Warehouse());
  data::DuckConfig config;
  duckdb_create_config(config.out());
  duckdb_set_config(config.get(), "threads", std::to_string(options.threads).c_str());
  duckdb_set_config(config.get(), "memory_limit",
                    fmt::format("{}B", options.memory_bytes_max).c_str());
  duckdb_set_config(config.get(), "autoinstall_known_extensions", "false");
  // A checkpoint holds up the commit that it falls upon; its default of 16 MiB
  // of log is a few seconds of changes. A log of this size is replayed in about
  // a second.
  duckdb_set_config(config.get(), "checkpoint_threshold", "128MiB");
  // A checkpoint writes row groups anew that have lost rows. Changes all over a
  // table would have it write the table each time, while commits wait: a few groups
  // each time keep up as well.
  duckdb_set_config(config.get(), "max_vacuum_tasks", "4");
  // Spilled rows must not go where the process happens to stand.
  duckdb_set_config(config.get(), "temp_directory", (options.folder / "spill").c_str());
  char* text = nullptr;
  if (duckdb_open_ext(nullptr, warehouse->database_.out(), config.get(), &text) == DuckDBError) {
    Error failed(ErrorKind::kInternal, text != nullptr ? text : "DuckDB does not open");
    duckdb_free(text);
    return failed;
  }
  AFL_ASSIGN(const data::DuckConnection connection, warehouse->Connect());
  AFL_TRY(RegisterMaskHash(connection.get(), options.mask_salt));
  AFL_TRY(RegisterRowHash(connection.get()));
  AFL_TRY(warehouse->lanes_->Install(connection.get()));
  AFL_TRY(data::Execute(connection.get(), "SET TimeZone = 'UTC'"));

  AFL_ASSIGN(warehouse->projects_, ListProjects(options.folder));
  for (const std::string& project : warehouse->projects_) {
    const fs::path file = FileOf(options.folder, project);
    AFL_TRY(AttachFile(connection.get(), file, project, options.access));
    if (options.access == Access::kReadWrite) {
      AFL_TRY(AddMissingColumns(connection.get(), file, project));
    }
  }
  for (const std::string& project : options.create) {
    auto& known = warehouse->projects_;
    if (std::find(known.begin(), known.end(), project) == known.end()) {
      fs::remove(FileOf(options.folder, project), error);
      AFL_TRY(
          AttachFile(connection.get(), FileOf(options.folder, project), project, options.access));
      known.push_back(project);
    }
    // A process that dies between the two leaves a file without the schema.
    AFL_ASSIGN(const bool has_schema, HasSystemSchema(connection.get(), project));
    if (!has_schema) AFL_TRY(CreateSystemSchema(connection.get(), project));
  }
  AFL_TRY(data::Execute(connection.get(), SafetySettings(options)));
  return warehouse;
}

Result<data::DuckConnection> Warehouse::Connect() const {
  data::DuckConnection connection;
  if (duckdb_connect(database_.get(), connection.out()) == DuckDBError) {
    return Error(ErrorKind::kInternal, "DuckDB does not open a connection");
  }
  return connection;
}

Status Warehouse::Checkpoint(const std::string& project) const {
  AFL_ASSIGN(const data::DuckConnection connection, Connect());
  return CheckpointFile(connection.get(), project);
}

Status CheckpointFile(duckdb_connection connection, const std::string& project) {
  constexpr auto kPatience = std::chrono::seconds(1);
  const auto deadline = SystemClock().Monotonic() + kPatience;
  while (true) {
    const Status status = data::Execute(connection, "CHECKPOINT " + QuoteIdentifier(project));
    if (status.ok()) return status;
    if (SystemClock().Monotonic() > deadline) {
      return Error(ErrorKind::kTransient, status.error().message());
    }
    Pause(std::chrono::milliseconds(20));
  }
}

}  // namespace afluente::duck
