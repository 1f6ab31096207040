// A run's record as JSON: the same keys wherever a command prints one.
#pragma once

#include <nlohmann/json.hpp>

#include "orchestrator/run_store.h"

namespace afluente::cli {

/// integration, run_id, mode, state, started_at, ended_at, rows, bytes,
/// seconds, error (null, or kind and message).
nlohmann::json ToJson(const orchestrator::RunRecord& run);

}  // namespace afluente::cli
