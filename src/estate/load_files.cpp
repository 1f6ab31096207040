#include "estate/load_files.h"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

#include "estate/file_text.h"
#include "estate/yaml.h"

namespace afluente::estate {
namespace {

namespace fs = std::filesystem;

bool HoldsYaml(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".yaml") return true;
  }
  return false;
}

}  // namespace

std::vector<fs::path> YamlFiles(const fs::path& folder, const std::string& name,
                                std::vector<Finding>& findings) {
  std::vector<fs::path> files;
  std::error_code error;
  if (!fs::exists(folder / name, error)) return files;
  for (fs::directory_iterator it(folder / name, error), end; !error && it != end;
       it.increment(error)) {
    const fs::path file = it->path().filename();
    if (file.string().starts_with('.')) continue;
    const Mark mark{.file = (fs::path(name) / file).generic_string()};
    std::error_code ignored;
    if (file.extension() == ".yaml") {
      files.push_back(fs::path(name) / file);
    } else if (file.extension() == ".yml") {
      findings.push_back(
          {mark, "this file is not read: rename it to " + file.stem().string() + ".yaml"});
    } else if (it->is_directory(ignored) && HoldsYaml(it->path())) {
      findings.push_back({mark, "files in this folder are not read: move them to " + name + "/"});
    }
  }
  if (error) {
    findings.push_back(
        {Mark{.file = name}, "this is not a folder that can be read: " + error.message()});
  }
  std::sort(files.begin(), files.end());
  return files;
}

YamlNode* ReadYamlFile(EstateDocs& docs, const fs::path& folder, const fs::path& file,
                       const std::string& describe, std::vector<Finding>& findings) {
  const std::string name = file.generic_string();
  const Result<std::string> text = ReadFileText(folder / file);
  if (!text.ok()) {
    findings.push_back({Mark{.file = name}, "this file " + text.error().message()});
    return nullptr;
  }
  ParsedYaml parsed = ParseYaml(text.value(), name);
  if (!parsed.root && parsed.findings.empty()) {
    findings.push_back({Mark{.file = name}, "the file is empty: " + describe});
  }
  findings.insert(findings.end(), std::make_move_iterator(parsed.findings.begin()),
                  std::make_move_iterator(parsed.findings.end()));
  return parsed.root ? &docs.files.emplace_back(std::move(*parsed.root)) : nullptr;
}

}  // namespace afluente::estate
