#include "connectors/objectstore/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/clock.h"
#include "base/durable_file.h"

namespace afluente::lake {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "_manifest.json";
constexpr int kFormatVersion = 1;

nlohmann::json ToJson(const Manifest& manifest) {
  nlohmann::json json = {
      {"format", kFormatVersion},
      {"integration", manifest.integration},
      {"position", {{"kind", manifest.position.kind}, {"value", manifest.position.value}}},
      {"committed_at", FormatRfc3339(SystemClock().Now())},
      {"columns", nlohmann::json::array()},
      {"files", nlohmann::json::array()}};
  for (const auto& column : manifest.columns) {
    json["columns"].push_back({{"name", column.name}, {"type", column.type}});
  }
  for (const auto& file : manifest.files) {
    json["files"].push_back({{"name", file.name}, {"rows", file.rows}, {"bytes", file.bytes}});
  }
  for (const auto& letter : manifest.dead_letters) {
    json["dead_letters"].push_back(
        {{"key", letter.key}, {"reason", letter.reason}, {"row", letter.row}});
  }
  return json;
}

Manifest FromJson(const nlohmann::json& json) {
  Manifest manifest;
  manifest.integration = json.at("integration");
  manifest.position = {json.at("position").at("kind"), json.at("position").at("value")};
  for (const auto& column : json.at("columns")) {
    manifest.columns.push_back({column.at("name"), column.at("type")});
  }
  for (const auto& file : json.at("files")) {
    manifest.files.push_back({file.at("name"), file.at("rows"), file.at("bytes")});
  }
  for (const auto& letter : json.value("dead_letters", nlohmann::json::array())) {
    manifest.dead_letters.push_back(
        {letter.at("key"), letter.at("reason"), letter.value("row", "")});
  }
  return manifest;
}

}  // namespace

Result<std::optional<Manifest>> ReadManifest(const fs::path& prefix) {
  const fs::path path = prefix / kName;
  std::ifstream file(path);
  if (!file) {
    std::error_code error;
    const fs::file_status status = fs::symlink_status(path, error);
    if (status.type() == fs::file_type::not_found) return std::optional<Manifest>();
    // Not "none": that would start over and remove the files that it lists.
    return Error(ErrorKind::kInternal, path.string() + " cannot be opened");
  }
  std::stringstream text;
  text << file.rdbuf();
  try {
    const nlohmann::json json = nlohmann::json::parse(text.str());
    if (json.at("format") != kFormatVersion) {
      return Error(ErrorKind::kSchemaMismatch,
                   fmt::format("{} has format {}, this afluente knows format {}; use the version "
                               "that wrote it, or a newer one",
                               path.string(), json.at("format").dump(), kFormatVersion));
    }
    return std::optional(FromJson(json));
  } catch (const nlohmann::json::exception&) {
    return Error(
        ErrorKind::kInternal,
        fmt::format("{} is damaged; run with --full-refresh to start over", path.string()));
  }
}

Status WriteManifest(const fs::path& prefix, const Manifest& manifest) {
  for (const ManifestFile& file : manifest.files) AFL_TRY(SyncPath(prefix / file.name));
  return ReplaceFile(prefix / kName, ToJson(manifest).dump(2) + "\n");
}

void RemoveUnlisted(const fs::path& prefix, const Manifest& manifest) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(prefix, error)) {
    const std::string name = entry.path().filename().string();
    const bool listed = std::any_of(manifest.files.begin(), manifest.files.end(),
                                    [&](const ManifestFile& file) { return file.name == name; });
    if (entry.path().extension() == ".parquet" && !listed) fs::remove(entry.path(), error);
  }
}

}  // namespace afluente::lake
