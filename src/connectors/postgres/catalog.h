// What PostgreSQL's catalog says about a table or a query.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/libpq.h"
#include "data/postgres_types.h"

namespace afluente::postgres {

struct CatalogColumn {
  std::string name;
  std::string type_name;  // As format_type() prints it: fit for a cast.
  bool nullable = true;
  data::PostgresColumnType type;
};

/// A relation that holds rows itself: a table, a partition, a child table.
struct Leaf {
  std::string sql_name;  // Quoted, schema-qualified.
  std::string oid;
  std::int64_t pages = 0;
  double rows = 0;            // The planner's estimate; negative: never analysed.
  bool scan_by_ctid = false;  // Has a heap that we may read directly.
};

/// A table's name, resolved: fit for LOCK TABLE before anything else is read.
struct RelationName {
  std::string oid;
  std::string sql_name;    // Quoted, schema-qualified.
  char kind = 'r';         // pg_class.relkind.
  bool selectable = true;  // We hold SELECT on the whole table.
};

struct Relation {
  std::vector<CatalogColumn> columns;
  std::vector<Leaf> leaves;  // All below it, itself included when it holds rows.
};

/// Looks up `table` ("schema.table", SQL's quoting rules).
/// Errors: kNotFound with the nearest table's name.
Result<RelationName> FindRelation(PGconn* connection, const std::string& table);

/// Columns of a relation, in order. Waits for nobody's lock.
Result<std::vector<CatalogColumn>> DescribeColumns(PGconn* connection, const RelationName& name);

/// Columns and leaves of a relation, as the current snapshot sees them. Measuring
/// the leaves waits for whoever holds them exclusively.
Result<Relation> DescribeRelation(PGconn* connection, const RelationName& name);

/// By what changes of a table name a row.
struct ReplicaIdentity {
  char kind = 'd';                   // pg_class.relreplident: default, index, full, nothing.
  std::vector<std::string> columns;  // Of the index that serves; none when there is none.

  bool is_full() const { return kind == 'f'; }
};
/// An index that is checked late cannot serve, nor can one that is broken.
Result<ReplicaIdentity> ReadIdentity(PGconn* connection, const RelationName& name);

/// How many bytes a value of each column takes on average, by the planner's
/// statistics. Columns that were never analysed, or that we may not read, are
/// missing.
Result<std::map<std::string, int>> AverageWidths(PGconn* connection, const RelationName& name);

/// A column as a statement's or a stream's description names it.
struct ColumnSeed {
  std::string name;
  std::uint32_t type_oid = 0;
  std::int32_t typmod = -1;
};

/// What the catalog knows of the types of `seeds`; one column each, in order.
/// A type that exists no more leaves its column out.
Result<std::vector<CatalogColumn>> ResolveColumns(PGconn* connection,
                                                  const std::vector<ColumnSeed>& seeds);

/// The columns that `query` yields, without running it.
/// Errors: the server's for a query that does not parse; kInvalidConfig for
/// two columns of one name.
Result<std::vector<CatalogColumn>> DescribeQuery(PGconn* connection, const std::string& query);

}  // namespace afluente::postgres
