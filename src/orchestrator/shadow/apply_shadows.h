// The estate as it is now: an integration in shadow writes to another table than its file says.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "estate/estate.h"
#include "estate/shadow.h"
#include "orchestrator/shadow/shadow_store.h"

namespace afluente::orchestrator {

/// Gives every integration that runs in shadow the shadow table as its destination. A cut-over
/// or a rollback that was cut off is ended first, which needs the state folder for a moment.
/// Errors: kInvalidConfig when another job of the estate writes the table that one of them has
/// taken over; of the parts.
Status ApplyShadows(estate::Estate& estate, const std::filesystem::path& state_root);

/// What each integration with the key says, by its name.
std::map<std::string, estate::Shadow> ShadowsOf(const estate::Estate& estate);

/// The state of each integration with the key.
Result<std::map<std::string, ShadowState>> StatesOf(
    const std::map<std::string, estate::Shadow>& shadows, ShadowStore& store);

/// Another job of `estate` that writes `table` now; "": none.
std::string OtherWriter(const estate::Estate& estate, const std::string& integration,
                        const estate::TableAddress& table);

}  // namespace afluente::orchestrator
