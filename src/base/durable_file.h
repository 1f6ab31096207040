// Files that must stand after a crash.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace afluente {

/// Returns when what `path` (a file or a folder) holds is on disk.
/// Errors: kInternal with the path and the system's reason.
Status SyncPath(const std::filesystem::path& path);

/// Puts `text` into the place of `path`, durably: whoever reads sees the old file or the new one,
/// after a crash too. Writes PATH.new first; one writer at a time.
/// Errors: kInternal with the path and the system's reason; the old file stays.
Status ReplaceFile(const std::filesystem::path& path, std::string_view text);

}  // namespace afluente
