// An integration's source against its destination: who is asked, and as what.
#pragma once

#include "base/result.h"
#include "data/duckdb_api.h"
#include "estate/estate.h"
#include "comparison/reconcile.h"

namespace afluente::comparison {

/// Reconciles `integration` with its destination, which `connection` reads: the
/// warehouse, with the lake's views.
/// Errors: as Reconcile, with the integration's name; kInvalidConfig for a
/// destination that cannot be compared.
Result<Reconciliation> CompareWithSource(const estate::Estate& estate,
                                         const estate::Integration& integration,
                                         duckdb_connection connection);

}  // namespace afluente::comparison
