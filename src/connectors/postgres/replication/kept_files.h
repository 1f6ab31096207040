// Files of kept changes (kept_changes.h) as files: their versions, copies of them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace afluente::postgres {

/// The version of the format: the last of a file's first eight characters.
inline constexpr int kKeptVersion = 1;
/// The ending of their names; what stands before it is the integration's.
inline constexpr std::string_view kKeptExtension = ".kept";

/// Errors: kSchemaMismatch naming a file in `folder` that a newer version wrote: to all
/// others who look it is none, and would be written over.
Status CheckKeptVersions(const std::filesystem::path& folder);

/// Copies what is kept of `integration` now into the file `to`, while it may be appended to.
/// False: nothing is kept. Errors: kInternal when it cannot be written; kTransient when
/// it was begun anew again and again.
Result<bool> CopyKeptChanges(const std::filesystem::path& folder, const std::string& integration,
                             const std::filesystem::path& to);

}  // namespace afluente::postgres
