// A copy of the whole state that a state can be made of again, taken while it is written on.
#pragma once

#include <filesystem>
#include <stop_token>

#include "base/clock.h"
#include "base/result.h"
#include "orchestrator/backup/backup_manifest.h"
#include "orchestrator/run_integration.h"

namespace afluente::orchestrator {

/// Copies run store, event store with the inbox, warehouse, lake and kept changes into
/// `folder`, which is made; opens and compares each copy; and writes the manifest last, by
/// a rename. `folder` may hold what an earlier backup that was cut off left there.
///
/// The parts fit together, whatever is written meanwhile:
/// - The run store is fixed first: a run that it calls done has its data in the copy. One
///   that ended later runs again, from the checkpoint that the copy has.
/// - Event store, warehouse and lake manifests are fixed at one moment, in which nothing
///   can be recorded or forgotten in the inbox: a message is in the inbox, or in the
///   destination, or in both with a position that says so.
/// - Kept changes are copied last. What lacks is what the slot has gone on with, and is
///   found and repaired when it is followed again.
///
/// Logs of commands are not part of it. One backup at a time. Memory is bounded by the
/// warehouse's budget and 256 MB for the comparison.
/// Errors: kInvalidConfig for a folder that holds something else, or is inside the state;
/// kTransient when another backup is being taken; kCancelled when `stop` fires; kInternal when a
/// copy is not what was copied. Then `folder` is no backup.
Result<BackupManifest> TakeBackup(Owner& owner, const estate::Estate& estate,
                                  const std::filesystem::path& folder, const Clock& clock,
                                  const std::stop_token& stop);

}  // namespace afluente::orchestrator
