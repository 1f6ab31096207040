// The versions of a model in the lake: LAKE/PROJECT/models/NAME holds a folder a version, and the
// one file that says which count.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace afluente::inference {

struct ModelVersion {
  std::string name;  // The folder's.
  std::string run;   // Of the task that fitted it.
  std::string published_at;
  double auc = 0;  // On held-out examples.
};

/// Where the versions of a model stand.
std::filesystem::path ModelFolder(const std::filesystem::path& lake, const std::string& project,
                                  const std::string& model);

/// Oldest first; empty when the model has none. Errors: kInternal for a damaged list,
/// kSchemaMismatch for one of a newer format.
Result<std::vector<ModelVersion>> ReadVersions(const std::filesystem::path& folder);

/// Takes the files of a version out of `from` and makes it the newest one. A version that is listed
/// already is left alone: a publication that is tried again happens once. Thread-safe within the
/// process that owns the lake.
/// Errors: kInternal with the path and the system's reason; then nothing is listed.
Status PublishVersion(const std::filesystem::path& folder, const ModelVersion& version,
                      const std::filesystem::path& from);

/// The version of that name; "" : the newest. Errors: kNotFound, with the cure or the nearest name.
Result<ModelVersion> FindVersion(const std::filesystem::path& folder, const std::string& name);

}  // namespace afluente::inference
