// What a first copy reads, as text that goes with its stage: another process goes on with it only
// when that is still so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "connectors/postgres/replication/table_state.h"
#include "estate/estate.h"

namespace afluente::orchestrator {

/// `since`: the oldest transaction that had not ended when the snapshot was taken.
std::string OriginOf(const estate::Integration& integration, const postgres::TableState& state,
                     std::uint32_t since);

/// nullopt when `text` is none, or of another table than `integration` and
/// `state` now are.
std::optional<std::uint32_t> SinceOf(const std::string& text,
                                     const estate::Integration& integration,
                                     const postgres::TableState& state);

}  // namespace afluente::orchestrator
