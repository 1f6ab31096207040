// The cut-over: a table that was written in shadow takes its place, and the way back.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "estate/estate.h"
#include "estate/shadow.h"
#include "orchestrator/shadow/shadow_store.h"
#include "orchestrator/state_folder.h"

namespace afluente::orchestrator {

/// Puts the shadow table of `integration` in the place of the table that its file names, in one
/// commit: that one becomes NAME__before, with its checkpoint and dead letters; the shadow table
/// takes its name, with its own. Needs the state folder: no service may run.
///
/// The run store says first what is to happen; after a crash the warehouse shows whether it did
/// (SettleCutovers).
/// Errors: kNotFound for an integration without the key, or whose shadow table does not exist;
/// kConversion, naming the days, when they were not all equal and not `force`; kInvalidConfig when
/// it is live already, when another job of the estate writes the table, or when NAME__before
/// exists; kTransient when somebody holds the state folder.
Status Cutover(const estate::Estate& estate, const std::filesystem::path& state_root,
               const std::string& integration, bool force, const Clock& clock);

/// The way back: what the integration has written becomes its shadow table again, NAME__before
/// takes the place. `estate` as its files say. Errors: as Cutover; kInvalidConfig when it is not
/// live.
Status Rollback(const estate::Estate& estate, const std::filesystem::path& state_root,
                const std::string& integration, const Clock& clock);

/// Ends what a crash cut off, as the warehouse shows it. Errors: of the parts.
Status SettleCutovers(const StatePaths& paths, const std::map<std::string, estate::Shadow>& shadows,
                      ShadowStore& store);

}  // namespace afluente::orchestrator
