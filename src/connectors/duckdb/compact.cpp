#include "connectors/duckdb/compact.h"

#include <fmt/format.h>

#include "base/names.h"
#include "connectors/duckdb/warehouse.h"

namespace afluente::duck {

namespace fs = std::filesystem;

namespace {
// The new file's name inside DuckDB: none that a project could have.
constexpr const char* kFresh = "_afluente_fresh";
}  // namespace

Result<Compacted> Compact(const fs::path& folder, const std::string& project) {
  const fs::path file = FileOf(folder, project);
  fs::path fresh = file;
  fresh += ".compacting";
  std::error_code error;
  if (!fs::exists(file, error)) {
    return Error(ErrorKind::kNotFound, fmt::format("{}: no such warehouse file", file.string()));
  }
  fs::remove(fresh, error);
  Compacted result;
  result.bytes_before = fs::file_size(file, error);
  {
    data::DuckDatabase database;
    data::DuckConnection connection;
    if (duckdb_open(nullptr, database.out()) == DuckDBError ||
        duckdb_connect(database.get(), connection.out()) == DuckDBError) {
      return Error(ErrorKind::kInternal, "DuckDB does not open");
    }
    AFL_TRY(AttachFile(connection.get(), file, project, Access::kReadWrite));
    // A log that a dead process left must go into the file now: beside the new
    // file it would belong to nobody, and DuckDB would refuse both.
    AFL_TRY(data::Execute(connection.get(), "CHECKPOINT " + QuoteIdentifier(project)));
    AFL_TRY(data::Execute(
        connection.get(),
        fmt::format("ATTACH {} AS {}{}", QuoteLiteral(fresh.string()), kFresh, NewFileOptions())));
    AFL_TRY(data::Execute(connection.get(), fmt::format("COPY FROM DATABASE {} TO {}",
                                                        QuoteIdentifier(project), kFresh)));
    AFL_TRY(data::Execute(connection.get(), fmt::format("CHECKPOINT {}", kFresh)));
  }
  result.bytes_after = fs::file_size(fresh, error);
  fs::rename(fresh, file, error);
  if (error) return Error(ErrorKind::kInternal, file.string() + ": " + error.message());
  return result;
}

}  // namespace afluente::duck
