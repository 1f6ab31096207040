#include "connectors/postgres/catalog.h"

#include <fmt/format.h>

#include <cstdlib>
#include <set>

#include "base/names.h"

namespace afluente::postgres {
namespace {

// Resolves domains (of columns and of array elements) down to base types.
// int2vector and oidvector claim to be arrays but print and number differently.
constexpr const char* kResolveTypes = R"(
WITH RECURSIVE seed(ord, name, not_null, dims, typ, mod) AS ({seed}),
resolved AS (
  SELECT ord, name, not_null, dims, typ, mod FROM seed
  UNION ALL
  SELECT r.ord, r.name, r.not_null OR t.typnotnull, greatest(r.dims, t.typndims), t.typbasetype,
         CASE WHEN r.mod = -1 THEN t.typtypmod ELSE r.mod END
  FROM resolved r JOIN pg_catalog.pg_type t ON t.oid = r.typ WHERE t.typtype = 'd'),
element(ord, typ, mod) AS (
  SELECT r.ord, t.typelem, r.mod
  FROM resolved r JOIN pg_catalog.pg_type t ON t.oid = r.typ
  WHERE t.typtype <> 'd' AND t.typcategory = 'A' AND t.typelem <> 0 AND t.typlen = -1
    AND t.oid NOT IN (22, 30)
  UNION ALL
  SELECT e.ord, t.typbasetype, CASE WHEN e.mod = -1 THEN t.typtypmod ELSE e.mod END
  FROM element e JOIN pg_catalog.pg_type t ON t.oid = e.typ WHERE t.typtype = 'd')
SELECT r.name, pg_catalog.format_type(s.typ, s.mod), r.not_null, r.dims, r.typ, r.mod,
       coalesce(e.typ, 0), coalesce(e.mod, -1), coalesce(e.typtype, t.typtype) = 'e',
       coalesce(e.typdelim, ',')
FROM resolved r
JOIN seed s ON s.ord = r.ord
JOIN pg_catalog.pg_type t ON t.oid = r.typ AND t.typtype <> 'd'
LEFT JOIN (SELECT e.ord, e.typ, e.mod, et.typtype, et.typdelim FROM element e
           JOIN pg_catalog.pg_type et ON et.oid = e.typ AND et.typtype <> 'd') e ON e.ord = r.ord
ORDER BY r.ord)";

constexpr const char* kTableSeed =
    "SELECT attnum::int, attname::text, attnotnull, attndims::int, atttypid, atttypmod "
    "FROM pg_catalog.pg_attribute WHERE attrelid = {} AND attnum > 0 AND NOT attisdropped";

// A role may read a partitioned table without any right on its partitions, and
// row security of the parent does not hold for a partition read directly: then
// the rows are read through the parent.
constexpr const char* kLeaves = R"(
WITH RECURSIVE tree(oid) AS (
  SELECT {0}::oid
  UNION ALL
  SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid)
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.oid,
       pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int,
       c.reltuples,
       c.relkind = 'r' AND NOT c.relrowsecurity
         AND NOT (SELECT relrowsecurity FROM pg_catalog.pg_class WHERE oid = {0})
         AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'f')
ORDER BY 1)";

std::uint32_t Oid(const QueryResult& result, int row, int column) {
  return static_cast<std::uint32_t>(std::strtoul(Text(result, row, column).c_str(), nullptr, 10));
}

int Int(const QueryResult& result, int row, int column) {
  return std::atoi(Text(result, row, column).c_str());
}

Result<std::vector<CatalogColumn>> ResolveSeed(PGconn* connection, const std::string& seed) {
  std::string sql = kResolveTypes;
  sql.replace(sql.find("{seed}"), 6, seed);
  AFL_ASSIGN(const QueryResult result, Query(connection, sql));
  std::vector<CatalogColumn> columns;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    CatalogColumn column;
    column.name = Text(result, row, 0);
    column.type_name = Text(result, row, 1);
    column.nullable = !IsTrue(result, row, 2);
    column.type.dimensions = Int(result, row, 3);
    column.type.oid = Oid(result, row, 4);
    column.type.typmod = Int(result, row, 5);
    column.type.element_oid = Oid(result, row, 6);
    column.type.element_typmod = Int(result, row, 7);
    column.type.is_enum = IsTrue(result, row, 8);
    column.type.delimiter = Text(result, row, 9).front();
    columns.push_back(std::move(column));
  }
  return columns;
}

Error NoSuchTable(PGconn* connection, const std::string& table) {
  std::vector<std::string> names;
  const auto known = Query(connection,
                           "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c "
                           "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                           "WHERE c.relkind IN ('r','p','v','m','f') AND n.nspname !~ '^pg_' "
                           "AND n.nspname <> 'information_schema' ORDER BY 1 LIMIT 5000");
  if (known.ok()) {
    for (int row = 0; row < PQntuples(known.value().get()); ++row) {
      names.push_back(Text(known.value(), row, 0));
    }
  }
  return {ErrorKind::kNotFound, "does not exist" + DidYouMean(table, names)};
}

}  // namespace

Result<RelationName> FindRelation(PGconn* connection, const std::string& table) {
  AFL_ASSIGN(const QueryResult found,
             QueryParams(connection,
                         "SELECT c.oid, c.relkind, pg_catalog.quote_ident(n.nspname) || '.' || "
                         "pg_catalog.quote_ident(c.relname), "
                         "pg_catalog.has_table_privilege(c.oid, 'SELECT') "
                         "FROM pg_catalog.pg_class c "
                         "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                         "WHERE c.oid = pg_catalog.to_regclass($1)",
                         {table}));
  if (PQntuples(found.get()) == 0) return NoSuchTable(connection, table);
  return RelationName{Text(found, 0, 0), Text(found, 0, 2), Text(found, 0, 1).front(),
                      IsTrue(found, 0, 3)};
}

Result<std::vector<CatalogColumn>> DescribeColumns(PGconn* connection, const RelationName& name) {
  return ResolveSeed(connection, fmt::format(kTableSeed, name.oid));
}

Result<Relation> DescribeRelation(PGconn* connection, const RelationName& name) {
  Relation relation;
  AFL_ASSIGN(relation.columns, DescribeColumns(connection, name));
  AFL_ASSIGN(const QueryResult leaves, Query(connection, fmt::format(kLeaves, name.oid)));
  for (int row = 0; row < PQntuples(leaves.get()); ++row) {
    relation.leaves.push_back({Text(leaves, row, 0), Text(leaves, row, 1),
                               std::atoll(Text(leaves, row, 2).c_str()),
                               std::atof(Text(leaves, row, 3).c_str()), IsTrue(leaves, row, 4)});
  }
  return relation;
}

Result<ReplicaIdentity> ReadIdentity(PGconn* connection, const RelationName& name) {
  AFL_ASSIGN(const QueryResult found,
             QueryParams(connection,
                         "SELECT c.relreplident, a.attname FROM pg_catalog.pg_class c "
                         "LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisvalid "
                         "AND i.indimmediate AND CASE c.relreplident WHEN 'i' THEN "
                         "i.indisreplident WHEN 'd' THEN i.indisprimary ELSE false END "
                         "LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND "
                         "a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1]) WHERE c.oid = $1::oid "
                         "ORDER BY a.attnum",
                         {name.oid}));
  ReplicaIdentity identity;
  for (int row = 0; row < PQntuples(found.get()); ++row) {
    identity.kind = Text(found, row, 0).front();
    if (PQgetisnull(found.get(), row, 1) == 0) identity.columns.push_back(Text(found, row, 1));
  }
  return identity;
}

Result<std::map<std::string, int>> AverageWidths(PGconn* connection, const RelationName& name) {
  AFL_ASSIGN(const QueryResult found,
             QueryParams(connection,
                         "SELECT s.attname, max(s.avg_width) FROM pg_catalog.pg_class c "
                         "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                         "JOIN pg_catalog.pg_stats s "
                         "ON s.schemaname = n.nspname AND s.tablename = c.relname "
                         "WHERE c.oid = $1::oid GROUP BY s.attname",
                         {name.oid}));
  std::map<std::string, int> widths;
  for (int row = 0; row < PQntuples(found.get()); ++row) {
    widths[Text(found, row, 0)] = Int(found, row, 1);
  }
  return widths;
}

Result<std::vector<CatalogColumn>> ResolveColumns(PGconn* connection,
                                                  const std::vector<ColumnSeed>& seeds) {
  std::string seed;
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    seed += fmt::format("{}SELECT {}, {}::text, false, 0, {}::oid, {}", i == 0 ? "" : " UNION ALL ",
                        i, QuoteLiteral(seeds[i].name), seeds[i].type_oid, seeds[i].typmod);
  }
  return ResolveSeed(connection, seed);
}

Result<std::vector<CatalogColumn>> DescribeQuery(PGconn* connection, const std::string& query) {
  const auto describe = [&]() -> Result<QueryResult> {
    const QueryResult prepared(
        PQprepare(connection, "afluente_describe", query.c_str(), 0, nullptr));
    if (PQresultStatus(prepared.get()) != PGRES_COMMAND_OK) {
      return ErrorOf(connection, prepared.get());
    }
    return QueryResult(PQdescribePrepared(connection, "afluente_describe"));
  };
  AFL_ASSIGN(const QueryResult described, describe());
  if (PQnfields(described.get()) == 0) {
    return Error(ErrorKind::kInvalidConfig, "the query yields no columns; expected a SELECT");
  }
  std::vector<ColumnSeed> seeds;
  std::set<std::string> names;
  for (int i = 0; i < PQnfields(described.get()); ++i) {
    const std::string name = PQfname(described.get(), i);
    if (!names.insert(name).second) {
      return Error(
          ErrorKind::kInvalidConfig,
          fmt::format("the query yields two columns named \"{}\"; give one an alias", name));
    }
    seeds.push_back({name, PQftype(described.get(), i), PQfmod(described.get(), i)});
  }
  return ResolveColumns(connection, seeds);
}

}  // namespace afluente::postgres
