// The way back: a state folder made of a backup.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "estate/estate.h"
#include "orchestrator/backup/backup_manifest.h"

namespace afluente::orchestrator {

struct Restored {
  BackupManifest backup;
  /// Where what stood there before went; none when nothing did.
  std::vector<std::filesystem::path> moved_to;
  /// Databases whose changes since the backup are found by a comparison when they are
  /// followed again, by connection.
  std::vector<std::string> followed;
};

/// Checks every file of the backup in `folder` against its manifest, then makes the state
/// of `estate` at `state_root` of it. What stands there is moved aside, with `force`.
/// While it goes on the folder is marked: after a crash nothing else works on it, and
/// another restore begins anew.
///
/// What is triggered by changes of a table runs once as a whole afterwards: which of them
/// were lost nobody knows.
/// Errors: of ReadBackupManifest; kInternal naming a file that is not what it was;
/// kInvalidConfig when something stands there, or the backup is another estate's;
/// kTransient when a process holds the state folder. Then nothing has changed.
Result<Restored> Restore(const estate::Estate& estate, const std::filesystem::path& state_root,
                         const std::filesystem::path& folder, bool force, const Clock& clock);

}  // namespace afluente::orchestrator
