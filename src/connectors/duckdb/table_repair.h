// Rows that a comparison found to differ, brought into a followed table.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/copy_form.h"
#include "connectors/duckdb/warehouse.h"
#include "data/batch.h"
#include "data/dead_letter.h"
#include "data/position.h"
#include "estate/estate.h"

namespace afluente::duck {

/// What was found. SQL speaks of the warehouse's table and of temporary tables
/// of the connection that repairs.
struct FoundRows {
  /// A table of keys that differ: key_hash, source_hash (NULL: the source has no
  /// such row), destination_hash.
  std::string keys;
  std::uint64_t key_count = 0;
  std::string key_hash;              // The expression for it over the table's columns.
  std::vector<std::string> columns;  // The table's, without those of the form.
  /// The source's rows of all keys that it has; source columns.
  data::BatchReader& rows;
  const data::Schema& schema;
  std::uint64_t row_count = 0;
  /// Rows that could not be converted; asked when all have been read.
  std::function<std::vector<data::DeadLetter>()> dead_letters;
};

/// "" when rows of `moment` can stand behind what the table holds; otherwise why
/// not. Only a history has an order.
Result<std::string> WhyNotRepaired(duckdb_connection connection,
                                   const estate::Integration& integration,
                                   const CopyMoment& moment);

/// In one commit: rows of `found` replace those of their keys, keys that the
/// source does not have are deleted (mirror), marked (soft_delete) or followed by
/// a row that says so (history, which also gets the other rows as `snapshot`), and
/// the integration stands at `position`. Nothing else is written.
/// Errors: of reader and DuckDB; then nothing has changed.
Status ApplyRepair(Warehouse& warehouse, duckdb_connection connection,
                   const estate::Integration& integration, const CopyMoment& moment,
                   const FoundRows& found, const data::Position& position);

}  // namespace afluente::duck
