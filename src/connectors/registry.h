// From an integration to its source and sink: the only list of connectors.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>

#include "base/clock.h"
#include "base/result.h"
#include "connectors/duckdb/warehouse.h"
#include "connectors/inbox/source.h"
#include "connectors/postgres/source.h"
#include "data/position.h"
#include "estate/estate.h"
#include "pipeline/progress.h"
#include "pipeline/sink.h"
#include "pipeline/source.h"

namespace afluente::bigquery {
class Client;
}  // namespace afluente::bigquery

namespace afluente::connectors {

/// Where sinks write; borrowed.
struct Destinations {
  duck::Warehouse& warehouse;
  std::filesystem::path lake;
  std::shared_ptr<bigquery::Client> bigquery = nullptr;  // Of the engine bigquery.
  std::stop_token stop = {};  // Ends what a sink asks before it has rows.
};

/// Whether the estate's engine plays `integration`. kInvalidConfig, with the place, for what the
/// engine bigquery does not do.
Status CheckEngine(const estate::Estate& estate, const estate::Integration& integration);

/// Resolves the secrets of a connection that is PostgreSQL.
/// Errors: kInvalidConfig for a missing variable or another type.
Result<postgres::Endpoint> ResolveEndpoint(const estate::Estate& estate,
                                           const std::string& connection);

/// What is read from this process itself, or from the warehouse; borrowed.
struct OwnSources {
  duck::Warehouse& warehouse;
  inbox::Messages& messages;
  const Clock& clock;
  inbox::ReadOptions options = {};
  std::shared_ptr<bigquery::Client> bigquery = nullptr;  // Of the engine bigquery.
  std::stop_token stop = {};  // Ends what a source asks before it has rows.
};

/// Opens what `integration` reads, from `from` on; borrows what `own` holds. Errors carry the
/// connection's and the table's name.
Result<std::unique_ptr<pipeline::Source>> OpenSource(const estate::Estate& estate,
                                                     const estate::Integration& integration,
                                                     const OwnSources& own,
                                                     const std::optional<data::Position>& from,
                                                     pipeline::Progress& progress);

/// The project whose warehouse file remembers what an integration with a
/// PostgreSQL destination has sent: the source's, or else the destination's;
/// "" for other destinations.
std::string MemoryProject(const estate::Estate& estate, const estate::Integration& integration);

/// Opens where `integration` writes.
/// Errors: kInvalidConfig for a destination that no connector plays yet.
Result<std::unique_ptr<pipeline::Sink>> OpenSink(const estate::Estate& estate,
                                                 const estate::Integration& integration,
                                                 const Destinations& destinations,
                                                 bool full_refresh);

}  // namespace afluente::connectors
