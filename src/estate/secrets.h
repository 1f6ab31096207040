// ${env:NAME} and ${file:path}: resolved when a connection is opened, never before.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace afluente::estate {

/// Replaces every ${env:NAME} and ${file:path} in `text`. A relative path
/// starts at `estate_folder`; a file's last line break is dropped. What a
/// secret holds is not read for references again.
/// Errors: kInvalidConfig naming the variable or file that is missing; the
/// text of a secret never stands in an error.
Result<std::string> ResolveSecrets(const std::string& text,
                                   const std::filesystem::path& estate_folder);

/// What is wrong with the form of the references in `text`; "" when nothing is.
std::string ReferenceProblem(const std::string& text);

/// Whether `text` holds ${env:...} or ${file:...}.
bool HoldsReference(const std::string& text);

/// Whether `text` is references and nothing else.
bool IsReference(const std::string& text);

/// Whether a DSN, as key=value pairs or as a URL, spells a password out.
/// `dsn` must be free of ReferenceProblem.
bool HoldsPassword(const std::string& dsn);

}  // namespace afluente::estate
