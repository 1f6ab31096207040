// Changes into warehouse tables: delete and insert by key, with the checkpoint in the same commit.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/warehouse.h"
#include "estate/estate.h"
#include "pipeline/changes.h"

namespace afluente::duck {

/// Applies changes to the tables of `integrations`, which must exist. What one
/// set changes in tables of one project becomes visible at once; so does each
/// integration's position. Borrows warehouse and integrations.
Result<std::unique_ptr<pipeline::ChangeSink>> OpenChangeSink(
    Warehouse& warehouse, const std::vector<const estate::Integration*>& integrations);

}  // namespace afluente::duck
