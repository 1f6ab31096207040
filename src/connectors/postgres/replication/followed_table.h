// One table of a change stream: what an integration reads of it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/columns.h"
#include "connectors/postgres/replication/pgoutput.h"
#include "estate/estate.h"

namespace afluente::postgres {

/// How tuples of a table become rows of an integration. Immutable: shared by
/// the changes that were folded under it.
struct TableShape {
  SelectedColumns columns;
  std::vector<int> schema_index;         // Of each tuple column; -1: not read.
  std::vector<std::size_t> key_columns;  // Tuple columns of the key.
  std::vector<std::string> key;          // Their names.
  bool whole_rows = false;  // There is no key, and updates and deletes send the whole old row.
  data::Schema row_schema;  // columns.schema; for history, the form's columns behind it.
  data::Schema key_schema;
  std::vector<std::size_t> key_read;  // Their places in columns.schema.
  data::Schema marked_schema;
  data::Schema incomplete_schema;
  std::uint64_t version = 0;
  /// What rows from before a column came hold in it, in its text form. By name.
  std::map<std::string, std::string> defaults;
};

/// Derives the shape from what the stream says (`relation`) and the types that
/// the catalog knows (`columns`: one each, in the same order).
/// Errors: those of SelectColumns; kSchemaMismatch when the destination's key
/// is not what the table's replica identity sends, or a column has a name that
/// the form needs.
Result<std::shared_ptr<const TableShape>> ShapeTable(const RelationMessage& relation,
                                                     const std::vector<CatalogColumn>& columns,
                                                     const estate::Integration& integration,
                                                     std::uint64_t version,
                                                     std::map<std::string, std::string> defaults);

/// What is wrong with the integration's form when rows of `table` have no key and are
/// named by all that they hold.
std::optional<estate::Finding> CheckWholeRowForm(const std::string& table,
                                                 const estate::Integration& integration);

/// What is wrong when rows of `table` are identified by the columns `identity`,
/// as its replica identity sends them; `schema`: the columns that are read.
std::optional<estate::Finding> CheckIdentity(const std::vector<std::string>& identity,
                                             const data::Schema& schema, const std::string& table,
                                             const estate::Integration& integration);

}  // namespace afluente::postgres
