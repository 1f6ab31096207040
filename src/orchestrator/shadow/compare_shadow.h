// One comparison of a shadow table with what today's pipeline fills.
#pragma once

#include <stop_token>
#include <string>

#include "base/clock.h"
#include "data/duckdb_api.h"
#include "estate/estate.h"
#include "estate/shadow.h"
#include "orchestrator/shadow/shadow_store.h"

namespace afluente::orchestrator {

/// Compares now; `connection` reads the warehouse and is in no transaction. What fails stands in
/// the comparison's error; nothing is recorded. `integration` runs in shadow.
ShadowComparison CompareShadow(const estate::Estate& estate, const estate::Integration& integration,
                               const estate::Shadow& shadow, duckdb_connection connection,
                               const Clock& clock, const std::stop_token& stop);

}  // namespace afluente::orchestrator
