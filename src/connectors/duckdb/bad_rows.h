// Which rows a shaping fails on: DuckDB says why a statement failed, not at which row.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>

#include "base/result.h"
#include "connectors/duckdb/warehouse.h"
#include "data/batch.h"
#include "estate/estate.h"

namespace afluente::duck {

/// The shaping of an integration. Borrows.
struct RowShaping {
  Warehouse& warehouse;
  const estate::Integration& integration;
  /// The SELECT over `lane` that makes rows of the destination, as `integration`
  /// asks for it: the declared one, or a variant of it.
  std::function<std::string(const estate::Integration& integration, const std::string& lane)>
      select;
};

/// Whether no row of `reader` fails. On a connection of its own, so that an open
/// transaction outlives a failure.
Result<bool> AreRowsGood(const RowShaping& shaping, data::BatchReader& reader,
                         const data::Schema& schema, std::size_t rows);

/// The rows of `reader` that fail, by number, and why, the column first where it
/// is known; not many more than `max` of them. Halves the rows until it has them.
/// Rows are kept masked meanwhile.
/// Errors: of the reader; of a SELECT that fails without any row.
Result<std::map<std::size_t, std::string>> FindBadRows(const RowShaping& shaping,
                                                       data::BatchReader& reader,
                                                       const data::Schema& schema, std::size_t rows,
                                                       std::size_t max);

}  // namespace afluente::duck
