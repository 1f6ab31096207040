// YAML -> Estate: every mistake in one pass.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "estate/estate.h"

namespace afluente::estate {

/// An estate and what is wrong with it. `estate` is only fit for use when
/// `findings` is empty.
struct Loaded {
  Estate estate;
  std::vector<Finding> findings;  // Ordered by file, line, column.
};

/// Reads `folder`/estate.yaml and `folder`/integrations/*.yaml and checks them:
/// shapes, names, references, and rules that hold between keys. Needs no
/// environment variable and no connection.
///
/// `profile` names a profile of estate.yaml whose keys override; "": none.
/// Errors: kInvalidConfig when the folder or estate.yaml cannot be read at all
/// or when `profile` does not exist.
/// Bounds: a file of 1 MiB, a line of 64 KiB, 100,000 nodes with aliases
/// expanded, 64 levels: beyond them a finding, never a crash.
Result<Loaded> Load(const std::filesystem::path& folder, const std::string& profile = "");

/// The folder with an estate.yaml that is nearest upwards from `start`.
Result<std::filesystem::path> FindEstateFolder(const std::filesystem::path& start);

}  // namespace afluente::estate
