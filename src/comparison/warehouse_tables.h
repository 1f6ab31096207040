// Two tables of the warehouse, compared where they stand.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "comparison/reconcile.h"
#include "data/duckdb_api.h"
#include "estate/address.h"

namespace afluente::comparison {

/// Compares every row of `there`, the "source" of what is returned, with the one of `here` that
/// has the same `key`, as of one moment. Columns go by name. One that `here` lacks is a
/// difference, one that it has besides is told only; values of other types are compared as text.
/// Without a key, or when one stands twice, rows are counted as often as they occur.
/// Errors: kNotFound when one of them does not exist.
Result<Reconciliation> CompareTables(duckdb_connection connection,
                                     const estate::TableAddress& there,
                                     const estate::TableAddress& here,
                                     const std::vector<std::string>& key);

}  // namespace afluente::comparison
