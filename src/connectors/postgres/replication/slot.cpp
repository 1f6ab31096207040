#include "connectors/postgres/replication/slot.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>

#include "base/names.h"

namespace afluente::postgres {
std::string ReplicationName(const std::string& estate, const std::string& connection) {
  constexpr std::size_t kLengthMax = 63;
  std::string name = "afluente_" + estate + "_" + connection;
  for (char& c : name) {
    const bool is_allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (!is_allowed) c = '_';
  }
  return name.substr(0, kLengthMax);
}

std::string InsertsPublication(const std::string& name) {
  constexpr std::size_t kLengthMax = 63;
  const std::string suffix = "_inserts";
  return name.substr(0, kLengthMax - suffix.size()) + suffix;
}

Result<std::set<std::string>> PublishedTables(PGconn* connection, const std::string& name) {
  AFL_ASSIGN(
      const QueryResult listed,
      QueryParams(connection,
                  "SELECT c.oid FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_class c ON "
                  "p.puballtables OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r WHERE "
                  "r.prpubid = p.oid AND r.prrelid = c.oid) WHERE p.pubname = $1",
                  {name}));
  std::set<std::string> published;
  for (int i = 0; i < PQntuples(listed.get()); ++i) published.insert(Text(listed, i, 0));
  return published;
}

Result<Publication> ReadPublication(PGconn* connection, const std::string& name,
                                    bool inserts_only) {
  AFL_ASSIGN(const QueryResult found,
             QueryParams(connection,
                         "SELECT pubviaroot, pg_catalog.pg_has_role(pubowner, 'USAGE') FROM "
                         "pg_catalog.pg_publication WHERE pubname = $1",
                         {name}));
  Publication publication;
  publication.name = name;
  publication.inserts_only = inserts_only;
  publication.exists = PQntuples(found.get()) > 0;
  if (!publication.exists) return publication;
  publication.via_root = IsTrue(found, 0, 0);
  publication.is_ours = IsTrue(found, 0, 1);
  AFL_ASSIGN(publication.tables, PublishedTables(connection, name));
  return publication;
}

std::string PublicationSql(const Publication& publication,
                           const std::vector<RelationName>& tables) {
  std::set<std::string> names;  // Two integrations may read one table.
  for (const RelationName& table : tables) {
    if (!publication.tables.contains(table.oid)) names.insert(table.sql_name);
  }
  const std::string name = QuoteIdentifier(publication.name);
  const std::string list = fmt::format("{}", fmt::join(names, ", "));
  if (publication.exists) {
    return names.empty() ? "" : fmt::format("ALTER PUBLICATION {} ADD TABLE {}", name, list);
  }
  return fmt::format("CREATE PUBLICATION {}{} WITH (publish_via_partition_root = true{})", name,
                     names.empty() ? "" : " FOR TABLE " + list,
                     publication.inserts_only ? ", publish = 'insert, truncate'" : "");
}

Status EnsurePublication(PGconn* connection, const std::string& name,
                         const std::vector<RelationName>& tables, bool inserts_only) {
  AFL_ASSIGN(const Publication publication, ReadPublication(connection, name, inserts_only));
  const std::string sql = PublicationSql(publication, tables);
  if (sql.empty()) return Done{};
  AFL_TRY(Query(connection, sql).Within([&] { return sql; }));
  return Done{};
}

Status Unpublish(PGconn* connection, const std::string& name,
                 const std::vector<RelationName>& tables) {
  AFL_ASSIGN(const auto published, PublishedTables(connection, name));
  for (const RelationName& table : tables) {
    if (!published.contains(table.oid)) continue;
    const std::string sql =
        fmt::format("ALTER PUBLICATION {} DROP TABLE {}", QuoteIdentifier(name), table.sql_name);
    AFL_TRY(Query(connection, sql).Within([&] { return sql; }));
  }
  return Done{};
}

Result<bool> MayPublish(PGconn* connection) {
  AFL_ASSIGN(const QueryResult row,
             Query(connection,
                   "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), "
                   "'CREATE')"));
  return IsTrue(row, 0, 0);
}

Result<std::optional<SlotState>> ReadSlot(PGconn* connection, const std::string& name) {
  AFL_ASSIGN(const QueryResult row,
             QueryParams(connection,
                         "SELECT confirmed_flush_lsn, active, coalesce(wal_status, 'reserved'), "
                         "coalesce(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), "
                         "restart_lsn), 0)::bigint FROM pg_catalog.pg_replication_slots "
                         "WHERE slot_name = $1",
                         {name}));
  if (PQntuples(row.get()) == 0) return std::optional<SlotState>();
  SlotState state;
  state.confirmed = ParseLsn(Text(row, 0, 0)).value_or(Lsn{});
  state.active = IsTrue(row, 0, 1);
  state.wal_status = Text(row, 0, 2);
  state.retained_bytes = std::atoll(PQgetvalue(row.get(), 0, 3));
  return std::optional(state);
}

Status DropSlot(PGconn* connection, const std::string& name) {
  AFL_TRY(QueryParams(connection, "SELECT pg_catalog.pg_drop_replication_slot($1)", {name}));
  return Done{};
}

Result<Lsn> MarkLsn(PGconn* connection) {
  AFL_TRY(Query(connection, "SET synchronous_commit = on"));
  const auto row =
      Query(connection, fmt::format("SELECT pg_catalog.pg_logical_emit_message(true, {}, '')",
                                    QuoteLiteral(kMarkPrefix)));
  if (!row.ok()) return CurrentLsn(connection);
  const auto lsn = ParseLsn(Text(row.value(), 0, 0));
  return lsn ? Result<Lsn>(*lsn) : CurrentLsn(connection);
}

Result<Lsn> CurrentLsn(PGconn* connection) {
  AFL_ASSIGN(const QueryResult row,
             Query(connection, "SELECT pg_catalog.pg_current_wal_insert_lsn()"));
  const auto lsn = ParseLsn(Text(row, 0, 0));
  if (!lsn) return Error(ErrorKind::kInternal, "the server does not say where its log ends");
  // At the beginning of a page the server names the place behind the page's
  // header, which it does not write before the next record.
  // Source: PostgreSQL xlog_internal.h, SizeOfXLogShortPHD and SizeOfXLogLongPHD.
  constexpr std::uint64_t kPageBytes = 8192;
  const std::uint64_t offset = lsn->value % kPageBytes;
  return offset == 24 || offset == 40 ? Lsn{lsn->value - offset} : *lsn;
}

}  // namespace afluente::postgres
