#include "connectors/postgres/replication/slot.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "base/names.h"
#include "connectors/postgres/columns.h"

namespace afluente::postgres {
namespace {

bool IsTrue(const QueryResult& row, int column) { return Text(row, 0, column) == "t"; }

std::string PublicationSql(const std::string& name, const std::vector<std::string>& tables,
                           bool exists) {
  return exists ? fmt::format("ALTER PUBLICATION {} ADD TABLE {}", QuoteIdentifier(name),
                              fmt::join(tables, ", "))
                : fmt::format(
                      "CREATE PUBLICATION {} FOR TABLE {} WITH "
                      "(publish_via_partition_root = true)",
                      QuoteIdentifier(name), fmt::join(tables, ", "));
}

// Updates and deletes must say which row they mean.
Result<std::string> IdentityFinding(PGconn* connection, const RelationName& table) {
  AFL_ASSIGN(const QueryResult row,
             QueryParams(connection,
                         "SELECT c.relreplident, EXISTS (SELECT FROM pg_catalog.pg_index i WHERE "
                         "i.indrelid = c.oid AND CASE c.relreplident WHEN 'i' THEN "
                         "i.indisreplident ELSE i.indisprimary END) "
                         "FROM pg_catalog.pg_class c WHERE c.oid = $1::oid",
                         {table.oid}));
  if (PQntuples(row.get()) == 0) return std::string();
  const char identity = Text(row, 0, 0).front();
  if (identity == 'f' || (identity != 'n' && IsTrue(row, 1))) return std::string();
  if (identity == 'n') {
    return fmt::format(
        "table {0} has REPLICA IDENTITY NOTHING, so updates and deletes name no "
        "row: ALTER TABLE {0} REPLICA IDENTITY DEFAULT",
        table.sql_name);
  }
  return fmt::format(
      "table {0} has no primary key, so updates and deletes name no row: add one, or "
      "ALTER TABLE {0} REPLICA IDENTITY USING INDEX a unique index of columns that "
      "are NOT NULL",
      table.sql_name);
}

}  // namespace

std::string ReplicationName(const std::string& estate, const std::string& connection) {
  constexpr std::size_t kLengthMax = 63;
  std::string name = "afluente_" + estate + "_" + connection;
  for (char& c : name) {
    const bool is_allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (!is_allowed) c = '_';
  }
  return name.substr(0, kLengthMax);
}

Result<std::vector<std::string>> CheckReplication(PGconn* connection, const std::string& slot,
                                                  const std::vector<RelationName>& tables) {
  AFL_ASSIGN(
      const QueryResult row,
      QueryParams(
          connection,
          "SELECT current_setting('wal_level'), r.rolreplication OR r.rolsuper, current_user, "
          "(SELECT count(*) FROM pg_catalog.pg_replication_slots) < "
          "current_setting('max_replication_slots')::int OR EXISTS (SELECT FROM "
          "pg_catalog.pg_replication_slots WHERE slot_name = $1), "
          "(SELECT count(*) FROM pg_catalog.pg_stat_replication) < "
          "current_setting('max_wal_senders')::int FROM pg_catalog.pg_roles r "
          "WHERE r.rolname = current_user",
          {slot}));
  std::vector<std::string> findings;
  if (Text(row, 0, 0) != "logical") {
    findings.push_back(
        fmt::format("wal_level is {}: ALTER SYSTEM SET wal_level = logical, then "
                    "restart the server",
                    Text(row, 0, 0)));
  }
  if (!IsTrue(row, 1)) {
    findings.push_back(fmt::format("role {0} may not replicate: ALTER ROLE {0} REPLICATION",
                                   QuoteIdentifier(Text(row, 0, 2))));
  }
  if (!IsTrue(row, 3)) {
    findings.emplace_back(
        "no replication slot is free: raise max_replication_slots, or drop one that nobody uses "
        "(pg_replication_slots)");
  }
  if (!IsTrue(row, 4)) {
    findings.emplace_back("no WAL sender is free: raise max_wal_senders");
  }
  for (const RelationName& table : tables) {
    AFL_ASSIGN(std::string finding, IdentityFinding(connection, table));
    if (!finding.empty()) findings.push_back(std::move(finding));
  }
  return findings;
}

Result<std::vector<std::string>> CheckFollowed(PGconn* connection, const RelationName& table,
                                               const estate::Integration& integration,
                                               bool& needs_text) {
  std::vector<std::string> findings;
  AFL_ASSIGN(const auto columns, DescribeColumns(connection, table));
  AFL_ASSIGN(const SelectedColumns selected, SelectColumns(columns, integration));
  needs_text = needs_text || std::find(selected.cast_to_text.begin(), selected.cast_to_text.end(),
                                       true) != selected.cast_to_text.end();
  AFL_ASSIGN(
      const QueryResult row,
      QueryParams(connection, "SELECT relreplident FROM pg_catalog.pg_class WHERE oid = $1::oid",
                  {table.oid}));
  const bool is_full = PQntuples(row.get()) > 0 && Text(row, 0, 0) == "f";
  if (is_full && integration.destination.key.empty()) {
    findings.push_back(
        fmt::format("{}: table {} has REPLICA IDENTITY FULL: say which columns identify a row with "
                    "destination.key",
                    integration.destination.mark.ToString(), table.sql_name));
  }
  constexpr int kSendsGenerated = 180000;
  if (PQserverVersion(connection) >= kSendsGenerated) return findings;
  AFL_ASSIGN(const QueryResult generated,
             QueryParams(connection,
                         "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = $1::oid "
                         "AND attnum > 0 AND NOT attisdropped AND attgenerated <> '' "
                         "ORDER BY attnum",
                         {table.oid}));
  for (int i = 0; i < PQntuples(generated.get()); ++i) {
    const std::string name = Text(generated, i, 0);
    const bool is_read =
        std::any_of(selected.schema.begin(), selected.schema.end(),
                    [&](const data::Column& column) { return column.name == name; });
    if (!is_read) continue;
    findings.push_back(fmt::format(
        "{0}: column \"{1}\" of {2} is generated, and PostgreSQL before 18 does not send such "
        "columns: columns: {{ {1}: {{ exclude: true }} }}",
        integration.mark.ToString(), name, table.sql_name));
  }
  return findings;
}

Result<std::set<std::string>> PublishedTables(PGconn* connection, const std::string& name) {
  AFL_ASSIGN(const QueryResult listed,
             QueryParams(connection,
                         "SELECT prrelid FROM pg_catalog.pg_publication_rel r JOIN "
                         "pg_catalog.pg_publication p ON p.oid = r.prpubid WHERE p.pubname = $1",
                         {name}));
  std::set<std::string> published;
  for (int i = 0; i < PQntuples(listed.get()); ++i) published.insert(Text(listed, i, 0));
  return published;
}

Status EnsurePublication(PGconn* connection, const std::string& name,
                         const std::vector<RelationName>& tables) {
  AFL_ASSIGN(const QueryResult found,
             QueryParams(connection, "SELECT oid FROM pg_catalog.pg_publication WHERE pubname = $1",
                         {name}));
  const bool exists = PQntuples(found.get()) > 0;
  AFL_ASSIGN(const std::set<std::string> published, PublishedTables(connection, name));
  std::vector<std::string> missing;
  for (const RelationName& table : tables) {
    if (!published.contains(table.oid)) missing.push_back(table.sql_name);
  }
  if (missing.empty()) return Done{};
  const std::string sql = PublicationSql(name, missing, exists);
  const auto made = Query(connection, sql);
  if (made.ok()) return Done{};
  if (made.error().kind() != ErrorKind::kUnauthorized) return made.error();
  return Error(
      ErrorKind::kUnauthorized,
      fmt::format("{}; somebody who owns the tables must run: {}", made.error().message(), sql));
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
  state.active = IsTrue(row, 1);
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
