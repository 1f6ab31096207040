// Copies of the warehouse's files as of one moment, while others write on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/warehouse.h"
#include "data/duckdb_api.h"

namespace afluente::duck {

/// Prefix of a project's copy while it is being made; hidden from `tables`.
constexpr const char* kCopyPrefix = "_afluente_copy_";

/// Where copies of the files in `warehouse` are made: the one place beside the lake that
/// SQL may reach. It is emptied when the warehouse is opened.
std::filesystem::path CopiesOf(const std::filesystem::path& warehouse);

struct CopiedTable {
  std::string dataset;
  std::string table;
  std::uint64_t rows = 0;
  std::string checksum;  // The sum of DuckDB's hashes of the rows.

  bool operator==(const CopiedTable&) const = default;
};

struct CopiedProject {
  std::string project;
  std::vector<CopiedTable> tables;  // But for stages; what is ours included.
  std::uint64_t views = 0;
  /// Views that could not be made again, because what they read has gone, and why.
  std::vector<std::string> lost_views;
};

/// Every project's file as of the moment when Pin was called. One thread uses it.
///
/// Rows are read in one transaction a file and written into fresh files: DuckDB's
/// own COPY FROM DATABASE changes a setting, which is not allowed here, and its file
/// cannot be copied as bytes, since nothing keeps a checkpoint from writing it
/// meanwhile. Writers go on; what they write stays in the log until the copy is done.
class WarehouseCopy {
 public:
  /// Makes an empty file for each project of `warehouse`, whose files are in `folder`.
  /// Errors: kInternal when they cannot be made.
  static Result<std::unique_ptr<WarehouseCopy>> Open(const Warehouse& warehouse,
                                                     const std::filesystem::path& folder);
  /// Removes the copies that were not taken away.
  ~WarehouseCopy();
  WarehouseCopy(const WarehouseCopy&) = delete;
  WarehouseCopy& operator=(const WarehouseCopy&) = delete;

  /// Fixes what is copied: takes milliseconds.
  Status Pin();

  /// Fills a project's file and lets go of it. Errors: kCancelled when `stop` fires.
  Result<CopiedProject> Copy(const std::string& project, const std::stop_token& stop);

  /// Where the copy of a project stands.
  std::filesystem::path FileOf(const std::string& project) const;

 private:
  struct Part {
    std::string project;
    data::DuckConnection connection;
  };
  explicit WarehouseCopy(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path folder_;
  std::vector<Part> parts_;  // Those that are not copied yet.
};

/// Opens a copy in an instance of its own and compares it with what was copied.
/// Errors: kInternal naming the table that differs.
Status CheckCopy(const std::filesystem::path& file, const CopiedProject& expected,
                 const std::stop_token& stop);

/// Rows of each of these Parquet files, in their order; their columns' ends are read.
/// Errors: kInternal for one that is no Parquet file.
Result<std::vector<std::uint64_t>> CountParquetRows(
    const std::vector<std::filesystem::path>& files);

}  // namespace afluente::duck
