// The lake as of one moment: its manifests, and the files that they list.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/objectstore/manifest.h"

namespace afluente::orchestrator {

/// A prefix of the lake, as its manifest said.
struct LakePrefix {
  std::filesystem::path path;  // Below the lake.
  std::string text;            // Of the manifest, as it stood there.
  lake::Manifest manifest;
};

/// All manifests below `lake`; none when there is no lake. Takes as long as it takes to
/// read them. Errors: of lake::ReadManifest.
Result<std::vector<LakePrefix>> ReadLake(const std::filesystem::path& lake);

/// Brings the files of `prefix` and its manifest into the same place below `to`. Files
/// are never changed, so that a second name of one is as good as a copy. When one went
/// meanwhile, with a table that was replaced, `prefix` becomes what stands there now.
/// Errors: kTransient when that happened again and again.
Status CopyLakePrefix(const std::filesystem::path& lake, const std::filesystem::path& to,
                      LakePrefix& prefix);

}  // namespace afluente::orchestrator
