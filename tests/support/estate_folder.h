// An estate on disk and the commands people run in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/pg_cluster.h"
#include "support/process.h"
#include "support/temp_folder.h"

namespace afluente::test {

/// A temporary folder with an estate.yaml: project `dw`, one PostgreSQL
/// connection for each entry of `dsns`, which stands in the environment as
/// NAME_DSN, and MASK_SALT. Commands run in it with that environment.
class EstateFolder {
 public:
  explicit EstateFolder(const std::map<std::string, std::string>& dsns = {});

  const std::filesystem::path& path() const { return folder_.path(); }
  std::filesystem::path state() const { return path() / ".afluente"; }
  std::filesystem::path warehouse_file() const { return state() / "warehouse" / "dw.duckdb"; }

  /// Writes a file of the estate: ("integrations/orders.yaml", text).
  void Write(const std::string& file, const std::string& text) const;
  /// integrations/NAME.yaml: `integration: NAME` and then `yaml`.
  void Integration(const std::string& name, const std::string& yaml) const;
  void SetEnv(const std::string& name, const std::string& value) { env_[name] = value; }

  /// `afluente ARGS... --estate FOLDER`.
  Command Afluente(std::vector<std::string> args) const;
  Outcome Run(const std::vector<std::string>& args) const { return RunCommand(Afluente(args)); }

  /// Rows of the warehouse through `afluente query --format json`: where users
  /// stand. Every column of `sql` should be text; others arrive as JSON says.
  /// Throws with both streams when the command fails.
  Rows Query(const std::string& sql) const;

 private:
  TempFolder folder_;
  std::map<std::string, std::string> env_;
};

/// What `afluente run --json` says about one integration.
struct RunReport {
  std::string state;
  std::int64_t rows = -1;
  nlohmann::json entry;  // All that stands there.
};

/// Reads the report of `integration` out of a run's stdout. Throws when stdout
/// is not one JSON document or does not name the integration.
RunReport ReadReport(const std::string& run_stdout, const std::string& integration);

}  // namespace afluente::test
