// Names of what a state consists of, and of what a restore leaves in it.
#pragma once

namespace afluente::orchestrator {

// In a state folder and in a backup.
inline constexpr const char* kRunStorePart = "runs.sqlite";
inline constexpr const char* kEventStorePart = "events.sqlite";
inline constexpr const char* kSpoolPart = "spool";
// In a backup: an estate says where its own are.
inline constexpr const char* kWarehousePart = "warehouse";
inline constexpr const char* kLakePart = "lake";

/// Stands in a state folder while it is being made of a backup: nothing else opens it then.
inline constexpr const char* kRestoringName = "restoring";
/// The command that may.
inline constexpr const char* kRestoreCommand = "restore";

}  // namespace afluente::orchestrator
