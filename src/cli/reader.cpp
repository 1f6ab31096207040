#include "cli/reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <thread>

#include "base/names.h"
#include "connectors/objectstore/manifest.h"

namespace afluente::cli {
namespace {

Status CreateLakeViews(duckdb_connection connection, const estate::Estate& estate,
                       const std::filesystem::path& lake) {
  bool has_schema = false;
  for (const auto& [name, integration] : estate.integrations) {
    if (!integration.destination.lake) continue;
    const std::string address = integration.destination.lake->ToString();
    AFL_ASSIGN(const auto manifest, lake::ReadManifest(lake / address));
    if (!manifest || manifest->files.empty()) continue;
    if (!has_schema) AFL_TRY(data::Execute(connection, "CREATE SCHEMA IF NOT EXISTS lake"));
    has_schema = true;
    std::vector<std::string> files;
    for (const auto& file : manifest->files) {
      files.push_back(QuoteLiteral((lake / address / file.name).string()));
    }
    AFL_TRY(data::Execute(
        connection,
        fmt::format("CREATE OR REPLACE VIEW lake.{} AS SELECT * FROM read_parquet([{}], "
                    "union_by_name = true)",
                    QuoteIdentifier(address), fmt::join(files, ", "))));
  }
  return Done{};
}

}  // namespace

Result<WarehouseReader> OpenReader(const GlobalFlags& flags, const estate::Estate& estate,
                                   const std::string& command) {
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, flags.state));
  AFL_ASSIGN(auto lock,
             orchestrator::StateLock::Take(paths.root, command, orchestrator::LockKind::kShared));
  duck::WarehouseOptions options;
  options.folder = paths.warehouse;
  options.lake = paths.lake;
  options.access = duck::Access::kReadOnly;
  constexpr std::size_t kQuestionBytes = std::size_t{512} << 20U;
  options.memory_bytes_max = kQuestionBytes;
  options.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  AFL_ASSIGN(auto warehouse, duck::Warehouse::Open(options));
  AFL_ASSIGN(auto connection, warehouse->Connect());
  AFL_TRY(CreateLakeViews(connection.get(), estate, paths.lake));
  return WarehouseReader{std::move(lock), std::move(warehouse), std::move(connection)};
}

}  // namespace afluente::cli
