// The warehouse as commands that only read it see it.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cli/context.h"
#include "connectors/duckdb/warehouse.h"

namespace afluente::cli {

/// The warehouse, open for reading, with the state folder held against writers
/// for as long as this lives. Lake prefixes stand in the schema `lake`, under
/// their address: lake."movva-datalake/raw/messages".
struct WarehouseReader {
  orchestrator::StateLock lock;
  std::unique_ptr<duck::Warehouse> warehouse;
  data::DuckConnection connection;
};

/// Errors: kTransient when a writer holds the state folder; kInvalidConfig for the engine bigquery.
Result<WarehouseReader> OpenReader(const GlobalFlags& flags, const estate::Estate& estate,
                                   const std::string& command);

}  // namespace afluente::cli
