// A PostgreSQL table that rows are written to: what it takes, and in which form.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/evolution.h"
#include "connectors/postgres/catalog.h"
#include "data/logical_type.h"
#include "estate/estate.h"

namespace afluente::postgres {

/// One column on its way: from DuckDB in the binary form of `wire` into the
/// staging table, from there as `expression` into the table.
struct DestinationColumn {
  std::string name;
  data::LogicalType wire;
  std::string staged;      // The staging column's type: "numeric", "text[]".
  std::string expression;  // Over the staging table s: s."x"::pg_catalog.inet.
  std::string changes;    // Over s: true where the column's type would change the value; "": never.
  std::string type_name;  // The column's own, for messages.
  bool is_key = false;
  bool as_text = false;  // Its type has no equality, or one that is not sameness.
};

/// The statements of one integration, all against the staging table.
struct DestinationStatements {
  std::string create_stage;  // Temporary, empty after each commit.
  std::string copy;          // All columns, in order.
  std::string copy_keys;
  std::string find_changed_values;  // The name of a column that would change a value; "": none can.
  std::string insert;
  std::string upsert;
  std::string delete_staged;  // By key.
  std::string delete_others;  // All rows whose key is not staged.
  std::string delete_all;
};

struct DestinationTable {
  std::string sql_name;  // Quoted, schema-qualified.
  std::string oid;
  std::vector<DestinationColumn> columns;  // That arrive, in their order.
  DestinationStatements statements;
};

/// The staging table's name, in the session's temporary schema.
constexpr const char* kStagingTable = "pg_temp.afluente_stage";

/// Looks up the integration's destination table and plans how `arriving`
/// columns get into it. `needs_unique_key`: rows are upserted.
/// Errors: kNotFound for a table or a column that does not exist, with the
/// nearest name; kSchemaMismatch for a generated column, for something that is
/// no table, and for a key without a unique index, each with its cure.
Result<DestinationTable> DescribeDestination(PGconn* connection,
                                             const estate::Destination& destination,
                                             const std::vector<duck::TableColumn>& arriving,
                                             bool needs_unique_key);

}  // namespace afluente::postgres
