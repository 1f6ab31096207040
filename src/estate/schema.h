// What is generated from the definition of the format.
#pragma once

#include <string>

namespace afluente::estate {

/// JSON Schema (draft 2020-12) with `$defs` for estate.yaml and integration
/// files; an editor completes keys and values with it. The root admits either.
std::string JsonSchema();

/// docs/estate-reference.md: every key with its type, default and meaning.
std::string ReferencePage();

}  // namespace afluente::estate
