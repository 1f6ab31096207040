// A file of the estate as text, read as hostile.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace afluente::estate {

/// The text of a file, one byte beyond kFileBytesMax at most.
/// Errors: kInvalidConfig, without the file's name, for what is no regular file
/// that can be read.
Result<std::string> ReadFileText(const std::filesystem::path& path);

}  // namespace afluente::estate
