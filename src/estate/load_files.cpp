#include "estate/load_files.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <iterator>
#include <system_error>
#include <thread>
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

// Fewer are parsed before a thread has begun.
constexpr std::size_t kFilesWorthAThread = 16;

ParsedYaml ParseFile(const fs::path& folder, const fs::path& file, const std::string& describe) {
  const std::string name = file.generic_string();
  const Result<std::string> text = ReadFileText(folder / file);
  if (!text.ok()) {
    ParsedYaml failed;
    failed.findings.push_back({Mark{.file = name}, "this file " + text.error().message()});
    return failed;
  }
  ParsedYaml parsed = ParseYaml(text.value(), name);
  if (!parsed.root && parsed.findings.empty()) {
    parsed.findings.push_back({Mark{.file = name}, "the file is empty: " + describe});
  }
  return parsed;
}

YamlNode* Keep(EstateDocs& docs, ParsedYaml parsed, std::vector<Finding>& findings) {
  findings.insert(findings.end(), std::make_move_iterator(parsed.findings.begin()),
                  std::make_move_iterator(parsed.findings.end()));
  return parsed.root ? &docs.files.emplace_back(std::move(*parsed.root)) : nullptr;
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
  return Keep(docs, ParseFile(folder, file, describe), findings);
}

std::vector<YamlNode*> ReadYamlFiles(EstateDocs& docs, const fs::path& folder,
                                     const std::vector<fs::path>& files,
                                     const std::string& describe, std::vector<Finding>& findings) {
  std::vector<ParsedYaml> parsed(files.size());
  std::atomic<std::size_t> next = 0;
  const auto parse = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++) {
      parsed[i] = ParseFile(folder, files[i], describe);
    }
  };
  std::vector<std::future<void>> others;
  const std::size_t threads =
      std::min<std::size_t>(std::thread::hardware_concurrency(), files.size() / kFilesWorthAThread);
  for (std::size_t i = 1; i < threads; ++i) others.push_back(std::async(std::launch::async, parse));
  parse();
  for (std::future<void>& other : others) other.get();
  std::vector<YamlNode*> roots;
  for (ParsedYaml& one : parsed) {
    if (YamlNode* root = Keep(docs, std::move(one), findings)) roots.push_back(root);
  }
  return roots;
}

}  // namespace afluente::estate
