// Giving back the space that old versions of tables left.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace afluente::duck {

/// Rewrites a project's file without the space that old versions left.
/// Nobody else may have it open; on failure the old file stays.
/// Returns bytes before and after.
struct Compacted {
  std::uintmax_t bytes_before = 0;
  std::uintmax_t bytes_after = 0;
};
Result<Compacted> Compact(const std::filesystem::path& folder, const std::string& project);

}  // namespace afluente::duck
