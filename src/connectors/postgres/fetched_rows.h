// Single rows of a PostgreSQL table or query, fetched by key: what an event brings.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/libpq.h"
#include "estate/estate.h"
#include "pipeline/changes.h"
#include "pipeline/progress.h"

namespace afluente::postgres {

/// Reads what `integration` reads, but only the rows of `keys`: values of
/// destination.key in its order, in the text form that the server takes. The
/// changes have every key, and the rows that the source has now, so a key
/// without a row is deleted. Borrows the integration.
/// Errors: as OpenSource.
Result<std::unique_ptr<pipeline::TableChanges>> FetchRows(
    const Endpoint& endpoint, const estate::Integration& integration,
    const std::vector<std::vector<std::string>>& keys, pipeline::Progress& progress,
    const std::stop_token& stop);

}  // namespace afluente::postgres
