// ${env:NAME} and ${file:path}: resolved when a connection is opened, never before.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace afluente::estate {

/// Replaces every ${env:NAME} and ${file:path} in `text`. A relative path
/// starts at `estate_folder`; a file's last line break is dropped.
/// Errors: kInvalidConfig naming the variable or file that is missing; the
/// text of a secret never stands in an error.
Result<std::string> ResolveSecrets(const std::string& text,
                                   const std::filesystem::path& estate_folder);

}  // namespace afluente::estate
