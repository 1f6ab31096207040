#include "cli/reader.h"

#include <fmt/format.h>

#include <thread>

#include "connectors/objectstore/lake_views.h"

namespace afluente::cli {
Result<WarehouseReader> OpenReader(const GlobalFlags& flags, const estate::Estate& estate,
                                   const std::string& command) {
  if (estate.warehouse.engine == estate::WarehouseEngine::kBigquery) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("`{}` looks at the embedded warehouse, and this estate's engine is "
                             "bigquery: ask BigQuery itself, or choose another --profile",
                             command));
  }
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
  AFL_TRY(lake::CreateLakeViews(connection.get(), estate, paths.lake));
  return WarehouseReader{std::move(lock), std::move(warehouse), std::move(connection)};
}

}  // namespace afluente::cli
