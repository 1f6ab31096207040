#include "orchestrator/backup/lake_copy.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "orchestrator/backup/durable_files.h"

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifestName = "_manifest.json";

Result<std::string> ReadText(const fs::path& file) {
  std::ifstream in(file);
  if (!in) return Error(ErrorKind::kInternal, file.string() + " cannot be opened");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// It is replaced by a rename: what was read before and after is what was read in between.
Status ReadPrefix(const fs::path& lake, LakePrefix& prefix) {
  const fs::path folder = lake / prefix.path;
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    AFL_ASSIGN(prefix.text, ReadText(folder / kManifestName));
    AFL_ASSIGN(auto manifest, lake::ReadManifest(folder));
    AFL_ASSIGN(const std::string after, ReadText(folder / kManifestName));
    if (after != prefix.text || !manifest) continue;
    prefix.manifest = std::move(*manifest);
    return Done{};
  }
  return Error(ErrorKind::kTransient,
               fmt::format("lake {}: its manifest was replaced each time it was read",
                           prefix.path.string()));
}

Status LinkFiles(const fs::path& from, const fs::path& to, const lake::Manifest& manifest) {
  for (const lake::ManifestFile& file : manifest.files) {
    AFL_TRY(LinkOrCopy(from / file.name, to / file.name));
  }
  return Done{};
}

}  // namespace

Result<std::vector<LakePrefix>> ReadLake(const fs::path& lake) {
  std::vector<LakePrefix> prefixes;
  std::error_code error;
  if (!fs::exists(lake, error)) return prefixes;
  for (fs::recursive_directory_iterator at(lake, error), end; at != end; at.increment(error)) {
    if (at->path().filename() != kManifestName) continue;
    LakePrefix prefix;
    prefix.path = fs::relative(at->path().parent_path(), lake, error);
    AFL_TRY(ReadPrefix(lake, prefix));
    prefixes.push_back(std::move(prefix));
  }
  if (error) return Error(ErrorKind::kInternal, lake.string() + ": " + error.message());
  return prefixes;
}

Status CopyLakePrefix(const fs::path& lake, const fs::path& to, LakePrefix& prefix) {
  const fs::path target = to / prefix.path;
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    std::error_code error;
    fs::remove_all(target, error);
    fs::create_directories(target, error);
    if (error) return Error(ErrorKind::kInternal, target.string() + ": " + error.message());
    const Status linked = LinkFiles(lake / prefix.path, target, prefix.manifest);
    if (linked.ok()) return WriteDurably(target / kManifestName, prefix.text);
    if (linked.error().kind() != ErrorKind::kNotFound) return linked;
    const std::string before = prefix.text;
    AFL_TRY(ReadPrefix(lake, prefix));
    if (prefix.text == before) {
      return Error(ErrorKind::kInternal,
                   fmt::format("the lake lacks a file that its manifest lists: {}; a run with "
                               "--full-refresh of {} writes it anew",
                               linked.error().message(), prefix.manifest.integration));
    }
  }
  return Error(ErrorKind::kTransient,
               fmt::format("lake {}: its files were replaced each time they were to be copied",
                           prefix.path.string()));
}

}  // namespace afluente::orchestrator
