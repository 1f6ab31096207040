// Parquet files under a lake prefix as a Sink.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "connectors/duckdb/warehouse.h"
#include "estate/estate.h"
#include "pipeline/sink.h"

namespace afluente::lake {

/// Writes `integration`'s lake destination under `root`, one file a lane; the
/// manifest, replaced at the end, decides which files count. DuckDB writes
/// the Parquet, so the warehouse must allow `root`. Borrows both.
/// Errors: kInvalidConfig when the folder cannot be made.
Result<std::unique_ptr<pipeline::Sink>> OpenParquetSink(duck::Warehouse& warehouse,
                                                        const std::filesystem::path& root,
                                                        const estate::Integration& integration,
                                                        bool full_refresh);

}  // namespace afluente::lake
