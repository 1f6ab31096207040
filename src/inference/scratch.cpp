#include "inference/scratch.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/names.h"

namespace afluente::inference {

Result<Scratch> Scratch::Open() {
  Scratch scratch;
  data::DuckConfig config;
  duckdb_create_config(config.out());
  duckdb_set_config(config.get(), "threads", "1");
  duckdb_set_config(config.get(), "memory_limit", "512MB");
  duckdb_set_config(config.get(), "autoinstall_known_extensions", "false");
  if (duckdb_open_ext(nullptr, scratch.database_.out(), config.get(), nullptr) == DuckDBError ||
      duckdb_connect(scratch.database_.get(), scratch.connection_.out()) == DuckDBError) {
    return Error(ErrorKind::kInternal, "DuckDB does not open in memory");
  }
  AFL_TRY(data::Execute(
      scratch.connection(),
      fmt::format(
          "SET temp_directory = {}; SET TimeZone = 'UTC'",
          QuoteLiteral((std::filesystem::temp_directory_path() / "afluente-worker").string()))));
  return scratch;
}

Result<nlohmann::json> ReadJson(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return Error(ErrorKind::kNotFound, "there is no file " + path.string());
  try {
    return nlohmann::json::parse(file);
  } catch (const nlohmann::json::exception&) {
    return Error(ErrorKind::kInternal, path.string() + " is damaged");
  }
}

}  // namespace afluente::inference
