// A PostgreSQL table as a Sink: reverse ETL.
#pragma once

#include <memory>
#include <string>

#include "connectors/duckdb/warehouse.h"
#include "connectors/postgres/source.h"
#include "estate/estate.h"
#include "pipeline/sink.h"

namespace afluente::postgres {

/// Writes `integration`'s table at `endpoint`; what was sent is remembered in
/// `project`'s file of the warehouse. Borrows the warehouse and the integration.
///
/// How: lanes fill a stage in that file, which is compared with what was sent;
/// Deliver sends the difference in chunks, each with its position in one
/// transaction of the destination; the warehouse remembers it afterwards.
/// Killed in between, the destination's position tells what it already has.
///
/// write: upsert   by key; with deletes: delete, rows that were sent and did
///                 not arrive again are deleted
///        append   rows that were not sent before
///        replace  with a key an upsert that also deletes every other row: not
///                 TRUNCATE, which locks readers out and writes every row anew;
///                 without a key all rows in one transaction, when any differs
///
/// `full_refresh` sends all rows again, whatever was sent before.
Result<std::unique_ptr<pipeline::Sink>> OpenTableSink(duck::Warehouse& warehouse,
                                                      const Endpoint& endpoint,
                                                      const estate::Integration& integration,
                                                      const std::string& project,
                                                      bool full_refresh);

}  // namespace afluente::postgres
