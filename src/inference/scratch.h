// A DuckDB of a child process: in memory, for Parquet files that it is told of.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "data/duckdb_api.h"

namespace afluente::inference {

/// One instance and one connection. One thread, so that rows have one order; what does not fit into
/// half a gigabyte goes to the folder for temporary files.
class Scratch {
 public:
  /// Errors: kInternal when DuckDB does not open.
  static Result<Scratch> Open();
  duckdb_connection connection() const { return connection_.get(); }

 private:
  data::DuckDatabase database_;
  data::DuckConnection connection_;
};

/// A file that holds one JSON document.
/// Errors: kNotFound for no file, kInternal for one that is damaged.
Result<nlohmann::json> ReadJson(const std::filesystem::path& path);

}  // namespace afluente::inference
