#include "connectors/postgres/replication/readiness.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/names.h"
#include "connectors/postgres/columns.h"
#include "connectors/postgres/replication/followed_table.h"
#include "connectors/postgres/replication/slot.h"
#include "pipeline/shaping.h"

namespace afluente::postgres {
namespace {

std::vector<std::string> FirstColumn(const QueryResult& result) {
  std::vector<std::string> texts;
  for (int row = 0; row < PQntuples(result.get()); ++row) texts.push_back(Text(result, row, 0));
  return texts;
}

bool IsRead(const data::Schema& schema, const std::string& column) {
  return std::any_of(schema.begin(), schema.end(),
                     [&](const data::Column& read) { return read.name == column; });
}

class Checker {
 public:
  Checker(PGconn* connection, const FollowPlan& plan) : connection_(connection), plan_(plan) {}

  Result<Readiness> Check() {
    AFL_TRY(CheckServer());
    for (const estate::Integration* integration : plan_.integrations) {
      AFL_TRY(CheckIntegration(*integration));
    }
    AFL_TRY(CheckPublication());
    return std::move(ready_);
  }

 private:
  void Report(std::string message, ErrorKind kind = ErrorKind::kInvalidConfig) {
    ready_.obstacles.push_back({"", kind, {plan_.connection.mark, std::move(message)}});
  }
  void Report(const estate::Integration& integration, const estate::Mark& mark, std::string message,
              ErrorKind kind = ErrorKind::kInvalidConfig) {
    ready_.obstacles.push_back({integration.name, kind, {mark, std::move(message)}});
  }

  // A slot that streams has its sender already.
  Status CheckServer() {
    AFL_ASSIGN(
        const QueryResult row,
        QueryParams(
            connection_,
            "SELECT pg_catalog.current_setting('wal_level'), r.rolreplication OR r.rolsuper, "
            "current_user, s.slot_name IS NOT NULL OR (SELECT count(*) FROM "
            "pg_catalog.pg_replication_slots) < "
            "pg_catalog.current_setting('max_replication_slots')::int, coalesce(s.active, false) "
            "OR (SELECT count(*) FROM pg_catalog.pg_stat_replication) < "
            "pg_catalog.current_setting('max_wal_senders')::int, coalesce(s.database, "
            "pg_catalog.current_database()), pg_catalog.current_database() "
            "FROM pg_catalog.pg_roles r LEFT JOIN pg_catalog.pg_replication_slots s ON "
            "s.slot_name = $1 WHERE r.rolname = current_user",
            {plan_.slot}));
    role_ = QuoteIdentifier(Text(row, 0, 2));
    database_ = QuoteIdentifier(Text(row, 0, 6));
    if (Text(row, 0, 0) != "logical") {
      Report(
          fmt::format("wal_level is {}: ALTER SYSTEM SET wal_level = logical, then restart the "
                      "server",
                      Text(row, 0, 0)));
    }
    if (!IsTrue(row, 0, 1)) {
      Report(fmt::format("role {0} may not replicate: ALTER ROLE {0} REPLICATION", role_));
    }
    if (!IsTrue(row, 0, 3)) {
      Report(
          "no replication slot is free: raise max_replication_slots, or drop one that nobody uses "
          "(pg_replication_slots)");
    }
    if (!IsTrue(row, 0, 4)) Report("no WAL sender is free: raise max_wal_senders");
    if (Text(row, 0, 5) != Text(row, 0, 6)) {
      Report(
          fmt::format("slot {0} of this server belongs to database {1}: give the estate or the "
                      "connection another name, or drop it there if nobody uses it: SELECT "
                      "pg_drop_replication_slot('{0}')",
                      plan_.slot, Text(row, 0, 5)));
    }
    return Done{};
  }

  Status CheckIntegration(const estate::Integration& integration) {
    const auto found = FindRelation(connection_, integration.source.table);
    if (!found.ok()) return CannotFind(integration, found.error());
    const RelationName& table = found.value();
    if (table.kind != 'r' && table.kind != 'p') {
      Report(integration, integration.source.mark,
             fmt::format("{} is not a table, and only tables can be followed", table.sql_name));
      return Done{};
    }
    ready_.relations[integration.name] = table;
    AFL_ASSIGN(const auto columns, DescribeColumns(connection_, table));
    const auto unknown = UnknownColumns(columns, integration);
    for (const estate::Finding& finding : unknown) {
      Report(integration, finding.mark, finding.message, ErrorKind::kNotFound);
    }
    if (!unknown.empty()) return Done{};
    AFL_ASSIGN(const SelectedColumns selected, SelectColumns(columns, integration));
    const auto& as_text = selected.cast_to_text;
    ready_.needs_text =
        ready_.needs_text || std::find(as_text.begin(), as_text.end(), true) != as_text.end();
    AFL_TRY(CheckReadable(integration, table, selected.schema));
    AFL_TRY(CheckGenerated(integration, table, selected.schema));
    return CheckIdentityOf(integration, table, columns, selected.schema);
  }

  Status CannotFind(const estate::Integration& integration, const Error& error) {
    const bool is_answer =
        error.kind() == ErrorKind::kNotFound || error.kind() == ErrorKind::kUnauthorized;
    if (!is_answer) return error;
    std::string message = fmt::format("table {}: {}", integration.source.table, error.message());
    // To look a table up needs no right but the one on its schema.
    const auto parts = estate::ParseTableName(integration.source.table);
    if (error.kind() == ErrorKind::kUnauthorized && parts.ok()) {
      message += fmt::format(": GRANT USAGE ON SCHEMA {} TO {}",
                             QuoteIdentifier(parts.value().front()), role_);
    }
    Report(integration, integration.source.mark, std::move(message), error.kind());
    return Done{};
  }

  Status CheckReadable(const estate::Integration& integration, const RelationName& table,
                       const data::Schema& schema) {
    AFL_ASSIGN(const QueryResult hidden,
               QueryParams(connection_,
                           "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = $1::oid "
                           "AND attnum > 0 AND NOT attisdropped AND NOT "
                           "pg_catalog.has_column_privilege(attrelid, attnum, 'SELECT')",
                           {table.oid}));
    for (const std::string& name : FirstColumn(hidden)) {
      if (!IsRead(schema, name)) continue;
      Report(integration, integration.source.mark,
             fmt::format("role {0} may not read {1}: GRANT SELECT ON {1} TO {0}", role_,
                         table.sql_name),
             ErrorKind::kUnauthorized);
      return Done{};
    }
    return Done{};
  }

  Status CheckGenerated(const estate::Integration& integration, const RelationName& table,
                        const data::Schema& schema) {
    constexpr int kSendsGenerated = 180000;
    if (PQserverVersion(connection_) >= kSendsGenerated) return Done{};
    AFL_ASSIGN(const QueryResult generated,
               QueryParams(connection_,
                           "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = $1::oid "
                           "AND attnum > 0 AND NOT attisdropped AND attgenerated <> '' "
                           "ORDER BY attnum",
                           {table.oid}));
    for (const std::string& name : FirstColumn(generated)) {
      if (!IsRead(schema, name)) continue;
      Report(integration, integration.mark,
             fmt::format("column \"{0}\" of {1} is generated, and PostgreSQL before 18 does not "
                         "send such columns: columns: {{ {0}: {{ exclude: true }} }}",
                         name, table.sql_name));
    }
    return Done{};
  }

  Status CheckIdentityOf(const estate::Integration& integration, const RelationName& table,
                         const std::vector<CatalogColumn>& columns, const data::Schema& schema) {
    AFL_ASSIGN(ReplicaIdentity identity, ReadIdentity(connection_, table));
    const auto& key = integration.destination.key;
    if (integration.FollowsInsertsOnly()) return CheckInsertsOnly(integration, table, identity);
    if (identity.kind == 'f') {
      if (key.empty()) return CheckWholeRows(integration, table);
      for (const std::string& name : key) {
        const auto column =
            std::find_if(columns.begin(), columns.end(), [&](const CatalogColumn& candidate) {
              return pipeline::ArrivesAs(candidate.name, integration) == name;
            });
        if (column != columns.end()) {
          identity.columns.push_back(column->name);
          continue;
        }
        Report(integration, integration.destination.mark,
               fmt::format("key: no column of {} arrives as \"{}\"", table.sql_name, name),
               ErrorKind::kNotFound);
        return Done{};
      }
    } else if (identity.kind == 'n') {
      Report(integration, integration.source.mark,
             fmt::format("table {0} has REPLICA IDENTITY NOTHING, so updates and deletes name no "
                         "row: ALTER TABLE {0} REPLICA IDENTITY DEFAULT, or `write: append` if "
                         "rows are only inserted",
                         table.sql_name));
      return Done{};
    } else if (identity.columns.empty()) {
      Report(integration, integration.source.mark,
             fmt::format("table {0} has no primary key, so updates and deletes name no row: add "
                         "one; or ALTER TABLE {0} REPLICA IDENTITY USING INDEX a unique index of "
                         "columns that are NOT NULL; or ALTER TABLE {0} REPLICA IDENTITY FULL, "
                         "which sends whole rows; or `write: append` if rows are only inserted",
                         table.sql_name));
      return Done{};
    }
    const auto finding = CheckIdentity(identity.columns, schema, table.sql_name, integration);
    if (finding) {
      Report(integration, finding->mark, finding->message, ErrorKind::kSchemaMismatch);
    }
    return Done{};
  }

  // Updates of a table that has a key would be lost without a word.
  Status CheckInsertsOnly(const estate::Integration& integration, const RelationName& table,
                          const ReplicaIdentity& identity) {
    const bool has_key = identity.kind != 'n' && !identity.columns.empty();
    if (!identity.is_full() && !has_key) return Done{};
    Report(integration, integration.mark,
           fmt::format("write: append follows inserts alone, and updates and deletes of {} name "
                       "their rows, by {}: remove it",
                       table.sql_name, identity.is_full() ? "REPLICA IDENTITY FULL" : "their key"));
    return Done{};
  }

  // A row is named by all that it holds; a key is quicker by far.
  Status CheckWholeRows(const estate::Integration& integration, const RelationName& table) {
    AFL_ASSIGN(const QueryResult key,
               QueryParams(connection_,
                           "SELECT a.attname FROM pg_catalog.pg_index i JOIN "
                           "pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = "
                           "ANY (i.indkey) WHERE i.indrelid = $1::oid AND i.indisprimary ORDER BY "
                           "array_position(i.indkey::int2[], a.attnum)",
                           {table.oid}));
    if (PQntuples(key.get()) > 0) {
      std::vector<std::string> names;
      for (const std::string& name : FirstColumn(key)) {
        names.push_back(pipeline::ArrivesAs(name, integration));
      }
      Report(integration, integration.destination.mark,
             fmt::format("table {} has REPLICA IDENTITY FULL: say which columns identify a row "
                         "with destination.key, as its primary key does: key: [{}]",
                         table.sql_name, fmt::join(names, ", ")));
      return Done{};
    }
    if (const auto finding = CheckWholeRowForm(table.sql_name, integration)) {
      Report(integration, finding->mark, finding->message);
    }
    AFL_ASSIGN(const QueryResult partial,
               QueryParams(connection_,
                           "SELECT c.oid::regclass FROM pg_catalog.pg_partition_tree($1::oid) p "
                           "JOIN pg_catalog.pg_class c ON c.oid = p.relid WHERE p.isleaf AND "
                           "c.relreplident <> 'f' ORDER BY 1 LIMIT 1",
                           {table.oid}));
    if (PQntuples(partial.get()) > 0) {
      Report(integration, integration.source.mark,
             fmt::format("partition {0} of {1} does not send whole rows: ALTER TABLE {0} REPLICA "
                         "IDENTITY FULL",
                         Text(partial, 0, 0), table.sql_name));
    }
    return Done{};
  }

  Result<bool> Owns(const RelationName& table) {
    AFL_ASSIGN(const QueryResult row,
               QueryParams(connection_,
                           "SELECT pg_catalog.pg_has_role(relowner, 'USAGE') FROM "
                           "pg_catalog.pg_class WHERE oid = $1::oid",
                           {table.oid}));
    return PQntuples(row.get()) > 0 && IsTrue(row, 0, 0);
  }

  Status CheckPublication() {
    AFL_TRY(CheckPublication(plan_.slot, false));
    const bool has_inserts_only =
        std::any_of(plan_.integrations.begin(), plan_.integrations.end(),
                    [](const auto* integration) { return integration->FollowsInsertsOnly(); });
    return has_inserts_only ? CheckPublication(InsertsPublication(plan_.slot), true)
                            : Status(Done{});
  }

  Status CheckPublication(const std::string& name, bool inserts_only) {
    AFL_ASSIGN(const Publication publication, ReadPublication(connection_, name, inserts_only));
    std::map<const estate::Integration*, RelationName> members;
    for (const estate::Integration* integration : plan_.integrations) {
      const auto found = ready_.relations.find(integration->name);
      if (found == ready_.relations.end()) continue;
      if (integration->FollowsInsertsOnly() == inserts_only) members[integration] = found->second;
    }
    if (!publication.exists) return CheckMayCreate(publication, members);
    for (const auto& [integration, table] : members) {
      AFL_TRY(CheckPublished(publication, *integration, table));
    }
    return Done{};
  }

  Status CheckPublished(const Publication& publication, const estate::Integration& integration,
                        const RelationName& table) {
    const std::string sql = PublicationSql(publication, {table});
    if (sql.empty()) {
      if (table.kind != 'p' || publication.via_root) return Done{};
      Report(integration, integration.source.mark,
             fmt::format("publication {0} sends the changes of {1} as those of its partitions: "
                         "ALTER PUBLICATION {0} SET (publish_via_partition_root = true)",
                         QuoteIdentifier(publication.name), table.sql_name));
      return Done{};
    }
    AFL_ASSIGN(const bool owns, Owns(table));
    if (owns && publication.is_ours) return Done{};
    Report(integration, integration.source.mark,
           fmt::format("role {} may not add {} to publication {}; somebody who owns both must run: "
                       "{}",
                       role_, table.sql_name, publication.name, sql),
           ErrorKind::kUnauthorized);
    return Done{};
  }

  // Without a publication nothing can be followed: one statement for all tables.
  Status CheckMayCreate(const Publication& publication,
                        const std::map<const estate::Integration*, RelationName>& members) {
    std::vector<RelationName> tables;
    std::set<std::string> not_owned;
    for (const auto& [integration, table] : members) {
      tables.push_back(table);
      AFL_ASSIGN(const bool owns, Owns(table));
      if (!owns) not_owned.insert(table.sql_name);
    }
    AFL_ASSIGN(const bool may_publish, MayPublish(connection_));
    std::vector<std::string> lacks;
    if (!may_publish) lacks.push_back("may not CREATE in database " + database_);
    if (!not_owned.empty()) {
      lacks.push_back(fmt::format("does not own {}", fmt::join(not_owned, ", ")));
    }
    const std::string sql = PublicationSql(publication, tables);
    if (lacks.empty() || sql.empty()) return Done{};
    Report(fmt::format("role {} {}; somebody who owns the tables must run: {}", role_,
                       fmt::join(lacks, " and "), sql),
           ErrorKind::kUnauthorized);
    return Done{};
  }

  PGconn* connection_;
  const FollowPlan& plan_;
  std::string role_;      // Quoted.
  std::string database_;  // Quoted.
  Readiness ready_;
};

}  // namespace

Result<Readiness> CheckReadiness(PGconn* connection, const FollowPlan& plan) {
  Checker checker(connection, plan);
  return checker.Check();
}

}  // namespace afluente::postgres
