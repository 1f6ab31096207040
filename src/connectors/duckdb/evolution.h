// What happens to a table when the rows that arrive have another shape.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "data/duckdb_api.h"
#include "estate/estate.h"

namespace afluente::duck {

/// A column as DuckDB's DESCRIBE prints it.
struct TableColumn {
  std::string name;
  std::string type;
};

/// The columns of a table; empty when it does not exist.
Result<std::vector<TableColumn>> ReadColumns(duckdb_connection connection,
                                             const estate::TableAddress& address);

/// The columns that `select` yields. Errors: DuckDB's, for SQL that does not bind.
Result<std::vector<TableColumn>> DescribeSelect(duckdb_connection connection,
                                                const std::string& select);

/// What to do so that rows of one shape fit a table of another.
struct Evolution {
  std::vector<std::string> changes;      // For people: "column plan: added".
  std::vector<std::string> alterations;  // "ADD COLUMN ..." for ALTER TABLE, in order.
  /// Output columns for the staged rows; empty: all of them, as they are.
  std::vector<std::string> projection;
};

/// Compares the shapes. `keeps_rows`: the table keeps the rows it has (append,
/// upsert); otherwise it is replaced and takes the new shape.
/// Errors: kSchemaMismatch, with the cure, when the policy is fail or a type
/// changed in a way that would lose values.
Result<Evolution> PlanEvolution(const std::vector<TableColumn>& table,
                                const std::vector<TableColumn>& arriving,
                                estate::OnSchemaChange policy, bool keeps_rows);

/// Whether every value of type `from` has an exact value of type `to`.
bool IsWidening(const std::string& from, const std::string& to);

}  // namespace afluente::duck
