#include "connectors/postgres/destination_checkpoint.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace afluente::postgres {
namespace {

constexpr const char* kKind = "sent";
constexpr const char* kCreateSchema = "CREATE SCHEMA IF NOT EXISTS afluente";
constexpr const char* kCreateTable =
    "CREATE TABLE IF NOT EXISTS afluente.checkpoints (integration text PRIMARY KEY, kind text NOT "
    "NULL, position jsonb NOT NULL, committed_at timestamptz NOT NULL)";

Error NotAllowed(PGconn* connection, const Error& cause) {
  return {ErrorKind::kUnauthorized,
          fmt::format("the table afluente.checkpoints, which tells how far the rows here reach, is "
                      "missing or closed to role {0} ({1}); let its owner run: {2}; {3}; GRANT "
                      "USAGE ON SCHEMA afluente TO {0}; GRANT SELECT, INSERT, UPDATE ON "
                      "afluente.checkpoints TO {0}",
                      PQuser(connection), cause.message(), kCreateSchema, kCreateTable)};
}

}  // namespace

Status EnsureCheckpoints(PGconn* connection) {
  const auto exists = Query(connection,
                            "SELECT 1 FROM pg_catalog.pg_class c JOIN "
                            "pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE "
                            "n.nspname = 'afluente' AND c.relname = 'checkpoints'");
  if (!exists.ok()) return exists.error();
  if (PQntuples(exists.value().get()) != 0) return Done{};
  // A schema that somebody made for us is no reason to be refused a new one.
  AFL_ASSIGN(const QueryResult schema,
             Query(connection, "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'afluente'"));
  const bool has_schema = PQntuples(schema.get()) != 0;
  for (const char* sql : {kCreateSchema, kCreateTable}) {
    if (has_schema && sql == kCreateSchema) continue;
    const auto created = Query(connection, sql);
    if (created.ok()) continue;
    if (created.error().kind() != ErrorKind::kUnauthorized) return created.error();
    return NotAllowed(connection, created.error());
  }
  return Done{};
}

Result<std::optional<DestinationPosition>> ReadDestinationPosition(PGconn* connection,
                                                                   const std::string& integration) {
  const auto found = QueryParams(
      connection, "SELECT kind, position::text FROM afluente.checkpoints WHERE integration = $1",
      {integration});
  if (!found.ok()) {
    if (found.error().kind() == ErrorKind::kUnauthorized) {
      return NotAllowed(connection, found.error());
    }
    return found.error();
  }
  const QueryResult& result = found.value();
  if (PQntuples(result.get()) == 0 || Text(result, 0, 0) != kKind) {
    return std::optional<DestinationPosition>();
  }
  const auto json = nlohmann::json::parse(Text(result, 0, 1), nullptr, false);
  if (!json.is_object()) return std::optional<DestinationPosition>();
  DestinationPosition position;
  position.run = json.value("run", "");
  position.through = json.value("through", std::int64_t{-1});
  position.set_aside = json.value("set_aside", std::vector<std::int64_t>());
  return std::optional(position);
}

Status WriteDestinationPosition(PGconn* connection, const std::string& integration,
                                const DestinationPosition& position) {
  nlohmann::json json = {{"run", position.run}, {"through", position.through}};
  if (!position.set_aside.empty()) json["set_aside"] = position.set_aside;
  const auto written = QueryParams(
      connection,
      "INSERT INTO afluente.checkpoints AS c VALUES ($1, $2, $3::jsonb, now()) ON CONFLICT "
      "(integration) DO UPDATE SET kind = excluded.kind, position = excluded.position, "
      "committed_at "
      "= excluded.committed_at",
      {integration, kKind, json.dump()});
  if (written.ok()) return Done{};
  if (written.error().kind() == ErrorKind::kUnauthorized) {
    return NotAllowed(connection, written.error());
  }
  return written.error();
}

}  // namespace afluente::postgres
