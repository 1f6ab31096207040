// A transform must be row-wise: what that means, checked on its syntax tree.
#pragma once

#include <vector>

#include "base/result.h"
#include "estate/estate.h"

namespace afluente::pipeline {

/// What makes the transform depend on more than one row at a time, or keeps it
/// from being one SELECT over `batch`: aggregates, windows, DISTINCT, GROUP BY,
/// HAVING, QUALIFY, ORDER BY, LIMIT, sampling, set operations, joins that keep
/// the other side's rows, and `batch` (or a CTE over it) named never or twice.
/// Subqueries that do not read `batch` may do all of it.
/// Rows arrive lane by lane: anything else would give another answer each run.
/// Errors: kInternal when DuckDB does not open. Needs no connection to a source.
Result<std::vector<estate::Finding>> CheckTransform(const estate::Integration& integration);

/// CheckTransform of every integration that has a transform.
Result<std::vector<estate::Finding>> CheckTransforms(const estate::Estate& estate);

/// Whether rows leave the integration's transform in the order in which they
/// entered: it has neither a join nor a subquery, which DuckDB may run from the
/// other side. Errors: kInternal when DuckDB does not open.
Result<bool> KeepsOrder(const estate::Integration& integration);

}  // namespace afluente::pipeline
