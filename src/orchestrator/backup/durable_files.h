// Files that are on the disk when a function returns.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace afluente::orchestrator {

/// Flushes a file or folder. Errors: kInternal with the system's reason, as all here.
Status SyncPath(const std::filesystem::path& path);

/// Copies a file into a folder that exists; an older one of that name goes.
Status CopyDurably(const std::filesystem::path& from, const std::filesystem::path& to);

/// For a file that nobody changes any more: a second name of it, or a copy on another disk.
/// Errors: kNotFound when it is gone.
Status LinkOrCopy(const std::filesystem::path& from, const std::filesystem::path& to);

/// Renames a file, or copies it to another disk and removes it here.
Status MoveDurably(const std::filesystem::path& from, const std::filesystem::path& to);

/// Replaces a file by a rename, so that it has the old text or all of the new one.
Status WriteDurably(const std::filesystem::path& path, const std::string& text);

/// In hexadecimal digits. Source: FIPS 180-4.
Result<std::string> Sha256OfFile(const std::filesystem::path& path);

}  // namespace afluente::orchestrator
