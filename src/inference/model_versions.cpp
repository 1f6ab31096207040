#include "inference/model_versions.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/durable_file.h"
#include "base/names.h"
#include "inference/scratch.h"
#include "inference/training.h"

namespace afluente::inference {
namespace {

namespace fs = std::filesystem;

constexpr const char* kList = "versions.json";
constexpr int kVersionsFormat = 1;

Status CopyVersion(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  fs::remove_all(to, failed);  // What a crash left.
  fs::create_directories(to, failed);
  for (const char* name : {kModelBytes, kModelDocument, kMetrics}) {
    if (!failed) fs::copy_file(from / name, to / name, failed);
    if (failed) return Error(ErrorKind::kInternal, (to / name).string() + ": " + failed.message());
    AFL_TRY(SyncPath(to / name));
  }
  AFL_TRY(SyncPath(to));
  return SyncPath(to.parent_path());
}

Status WriteVersions(const fs::path& folder, const std::vector<ModelVersion>& versions) {
  nlohmann::json json = {{"format", kVersionsFormat}, {"versions", nlohmann::json::array()}};
  for (const ModelVersion& version : versions) {
    json["versions"].push_back({{"name", version.name},
                                {"run", version.run},
                                {"published_at", version.published_at},
                                {"auc", version.auc}});
  }
  return ReplaceFile(folder / kList, json.dump(2) + "\n");
}

}  // namespace

fs::path ModelFolder(const fs::path& lake, const std::string& project, const std::string& model) {
  return lake / project / "models" / model;
}

Result<std::vector<ModelVersion>> ReadVersions(const fs::path& folder) {
  std::error_code failed;
  if (!fs::exists(folder / kList, failed)) return std::vector<ModelVersion>();
  AFL_ASSIGN(const nlohmann::json json, ReadJson(folder / kList));
  try {
    if (json.at("format") != kVersionsFormat) {
      return Error(
          ErrorKind::kSchemaMismatch,
          fmt::format("{} has format {}, this afluente knows format {}", (folder / kList).string(),
                      json.at("format").dump(), kVersionsFormat));
    }
    std::vector<ModelVersion> versions;
    for (const nlohmann::json& one : json.at("versions")) {
      versions.push_back({one.at("name"), one.at("run"), one.at("published_at"), one.at("auc")});
    }
    return versions;
  } catch (const nlohmann::json::exception&) {
    return Error(ErrorKind::kInternal, (folder / kList).string() + " is damaged");
  }
}

Status PublishVersion(const fs::path& folder, const ModelVersion& version, const fs::path& from) {
  static std::mutex one_at_a_time;
  const std::scoped_lock lock(one_at_a_time);
  AFL_ASSIGN(std::vector<ModelVersion> versions, ReadVersions(folder));
  const bool is_listed = std::any_of(versions.begin(), versions.end(),
                                     [&](const auto& one) { return one.name == version.name; });
  if (is_listed) return Done{};
  AFL_TRY(CopyVersion(from, folder / version.name));
  versions.push_back(version);
  return WriteVersions(folder, versions);
}

Result<ModelVersion> FindVersion(const fs::path& folder, const std::string& name) {
  AFL_ASSIGN(const std::vector<ModelVersion> versions, ReadVersions(folder));
  if (versions.empty()) {
    return Error(ErrorKind::kNotFound,
                 fmt::format("model {} of {} has no version yet: a train task makes one",
                             folder.filename().string(),
                             folder.parent_path().parent_path().filename().string()));
  }
  if (name.empty()) return versions.back();
  std::vector<std::string> names;
  for (const ModelVersion& version : versions) {
    if (version.name == name) return version;
    names.push_back(version.name);
  }
  return Error(ErrorKind::kNotFound,
               fmt::format("model {} has no version {}{}", folder.filename().string(), name,
                           DidYouMean(name, names)));
}

}  // namespace afluente::inference
