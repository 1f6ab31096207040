#include "connectors/registry.h"

#include <fmt/format.h>

#include "connectors/bigquery/table_sink.h"
#include "connectors/bigquery/table_source.h"
#include "connectors/duckdb/table_sink.h"
#include "connectors/duckdb/table_source.h"
#include "connectors/objectstore/parquet_sink.h"
#include "connectors/postgres/table_sink.h"
#include "estate/secrets.h"

namespace afluente::connectors {
namespace {

Error NotSupported(const estate::Mark& mark, const std::string& what) {
  return {ErrorKind::kInvalidConfig, fmt::format("{}: {}", mark.ToString(), what)};
}

}  // namespace

Status CheckEngine(const estate::Estate& estate, const estate::Integration& integration) {
  if (estate.warehouse.engine != estate::WarehouseEngine::kBigquery) return Done{};
  const bool by_key = integration.mode == estate::Mode::kCdc ||
                      (integration.mode == estate::Mode::kEvent && !inbox::ReadsInbox(integration));
  if (!by_key) return Done{};
  return NotSupported(integration.mark,
                      fmt::format("mode {} does not write BigQuery yet; use snapshot or "
                                  "incremental, or a profile with the engine duckdb",
                                  NameOf(integration.mode)));
}

Result<postgres::Endpoint> ResolveEndpoint(const estate::Estate& estate,
                                           const std::string& connection) {
  const auto found = estate.connections.find(connection);
  if (found == estate.connections.end()) {
    return Error(ErrorKind::kNotFound, fmt::format("connection {} does not exist", connection));
  }
  const estate::Connection& declared = found->second;
  if (declared.type != estate::ConnectionType::kPostgres) {
    return NotSupported(declared.mark, "connection " + connection + " is not of type postgres");
  }
  postgres::Endpoint endpoint;
  AFL_ASSIGN(endpoint.dsn, estate::ResolveSecrets(declared.dsn, estate.folder).Within([&] {
    return "connection " + connection;
  }));
  const std::pair<const char*, const std::string&> tls[] = {{"sslmode", declared.tls.mode},
                                                            {"sslrootcert", declared.tls.root_cert},
                                                            {"sslcert", declared.tls.cert},
                                                            {"sslkey", declared.tls.key}};
  for (const auto& [keyword, value] : tls) {
    if (value.empty()) continue;
    AFL_ASSIGN(std::string resolved, estate::ResolveSecrets(value, estate.folder));
    endpoint.overrides.push_back({keyword, std::move(resolved)});
  }
  return endpoint;
}

Result<std::unique_ptr<pipeline::Source>> OpenSource(const estate::Estate& estate,
                                                     const estate::Integration& integration,
                                                     const OwnSources& own,
                                                     const std::optional<data::Position>& from,
                                                     pipeline::Progress& progress) {
  const estate::Source& declared = integration.source;
  if (declared.warehouse_table && own.bigquery != nullptr) {
    AFL_ASSIGN(auto reads, bigquery::OpenReads(own.clock));
    return bigquery::OpenTableSource(*own.bigquery, std::move(reads), integration, progress,
                                     own.stop);
  }
  if (declared.warehouse_table) return duck::OpenTableSource(own.warehouse, integration, progress);
  if (inbox::ReadsInbox(integration)) {
    return inbox::OpenSource(own.messages, integration, from, own.options, progress);
  }
  if (declared.table.empty() && declared.query.empty()) {
    return NotSupported(declared.mark,
                        "this source has no batch reader; use table, query, topic, webhook or "
                        "warehouse_table");
  }
  AFL_ASSIGN(const postgres::Endpoint endpoint, ResolveEndpoint(estate, declared.connection));
  return postgres::OpenSource(endpoint, integration, from, progress).Within([&] {
    return fmt::format("connection {}: {}", declared.connection,
                       declared.query.empty() ? "table " + declared.table : std::string("query"));
  });
}

std::string MemoryProject(const estate::Estate& estate, const estate::Integration& integration) {
  if (integration.destination.connection.empty()) return "";
  if (integration.source.warehouse_table) return integration.source.warehouse_table->project;
  const auto found = estate.connections.find(integration.destination.connection);
  return found == estate.connections.end() ? "" : found->second.project;
}

Result<std::unique_ptr<pipeline::Sink>> OpenSink(const estate::Estate& estate,
                                                 const estate::Integration& integration,
                                                 const Destinations& destinations,
                                                 bool full_refresh) {
  if (integration.destination.table && destinations.bigquery != nullptr) {
    AFL_TRY(CheckEngine(estate, integration));
    return bigquery::OpenTableSink(destinations.warehouse, destinations.bigquery,
                                   destinations.lake / "_exchange", integration, full_refresh,
                                   destinations.stop);
  }
  if (integration.destination.table) {
    return duck::OpenTableSink(destinations.warehouse, integration, full_refresh);
  }
  if (integration.destination.lake) {
    return lake::OpenParquetSink(destinations.warehouse, destinations.lake, integration,
                                 full_refresh);
  }
  const estate::Destination& declared = integration.destination;
  if (!declared.connection.empty() && integration.mode != estate::Mode::kSnapshot) {
    return NotSupported(declared.mark,
                        "a table of PostgreSQL is written with mode snapshot; only rows that "
                        "changed are sent anyway");
  }
  if (!declared.connection.empty()) {
    AFL_ASSIGN(const postgres::Endpoint endpoint, ResolveEndpoint(estate, declared.connection));
    return postgres::OpenTableSink(destinations.warehouse, endpoint, integration,
                                   MemoryProject(estate, integration), full_refresh)
        .Within([&] { return "connection " + declared.connection; });
  }
  return NotSupported(declared.mark,
                      "this destination has no batch writer; use a warehouse table, a table of "
                      "PostgreSQL or the lake");
}

}  // namespace afluente::connectors
