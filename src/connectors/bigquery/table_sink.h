// A table of BigQuery as a Sink, in batches.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>

#include "base/result.h"
#include "connectors/bigquery/client.h"
#include "connectors/duckdb/warehouse.h"
#include "estate/estate.h"
#include "pipeline/sink.h"

namespace afluente::bigquery {

/// Writes `integration`'s destination table. Borrows `warehouse`, whose DuckDB shapes the rows,
/// and the integration. `client` is shared by sinks of any threads.
///
/// How: lanes become Parquet files below `folder` (where DuckDB may write), load jobs bring them
/// into a stage table, which costs nothing, and one script publishes it with the checkpoint in one
/// transaction: DELETE and INSERT, INSERT, or MERGE by key. A table that is replaced so keeps
/// its grants and policies. Columns are added and numbers widened before it; a full refresh whose
/// rows do not fit drops the table and makes it anew. Whatever is left of a run that died goes by
/// itself within a day.
/// `stop` ends whatever it asks before the commit. Errors: of the first calls.
Result<std::unique_ptr<pipeline::Sink>> OpenTableSink(
    duck::Warehouse& warehouse, std::shared_ptr<Client> client, const std::filesystem::path& folder,
    const estate::Integration& integration, bool full_refresh, const std::stop_token& stop);

}  // namespace afluente::bigquery
