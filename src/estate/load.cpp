#include "estate/load.h"

#include <algorithm>
#include <system_error>
#include <tuple>
#include <utility>

#include "base/names.h"
#include "estate/check.h"
#include "estate/file_text.h"
#include "estate/format.h"
#include "estate/load_models.h"
#include "estate/read.h"
#include "estate/rules.h"
#include "estate/utf8.h"
#include "estate/yaml.h"

namespace afluente::estate {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEstateFile = "estate.yaml";
constexpr const char* kIntegrations = "integrations";
// Nobody reads more, and a hostile file could hold a hundred thousand.
constexpr std::size_t kFindingsMax = 1000;

Error Unusable(const std::string& message) { return {ErrorKind::kInvalidConfig, message}; }

bool HoldsYaml(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".yaml") return true;
  }
  return false;
}

// The files to read, sorted; what looks like one but is not read gets a finding.
std::vector<fs::path> IntegrationFiles(const fs::path& folder, std::vector<Finding>& findings) {
  std::vector<fs::path> files;
  std::error_code error;
  const fs::path integrations = folder / kIntegrations;
  if (!fs::exists(integrations, error)) return files;
  for (fs::directory_iterator it(integrations, error), end; !error && it != end;
       it.increment(error)) {
    const fs::path name = it->path().filename();
    if (name.string().starts_with('.')) continue;
    const Mark mark{.file = (fs::path(kIntegrations) / name).generic_string()};
    std::error_code ignored;
    if (name.extension() == ".yaml") {
      files.push_back(name);
    } else if (name.extension() == ".yml") {
      findings.push_back(
          {mark, "this file is not read: rename it to " + name.stem().string() + ".yaml"});
    } else if (it->is_directory(ignored) && HoldsYaml(it->path())) {
      findings.push_back({mark, "files in this folder are not read: move them to integrations/"});
    }
  }
  if (error) {
    findings.push_back(
        {Mark{.file = kIntegrations}, "this is not a folder that can be read: " + error.message()});
  }
  std::sort(files.begin(), files.end());
  return files;
}

void Append(std::vector<Finding>& findings, std::vector<Finding> more) {
  findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
}

void ReadIntegrations(EstateDocs& docs, const fs::path& folder, std::vector<Finding>& findings) {
  for (const fs::path& name : IntegrationFiles(folder, findings)) {
    const std::string file = (fs::path(kIntegrations) / name).generic_string();
    const Result<std::string> text = ReadFileText(folder / kIntegrations / name);
    if (!text.ok()) {
      findings.push_back({Mark{.file = file}, "this file " + text.error().message()});
      continue;
    }
    ParsedYaml parsed = ParseYaml(text.value(), file);
    if (!parsed.root && parsed.findings.empty()) {
      findings.push_back(
          {Mark{.file = file}, "the file is empty: describe an integration, or remove the file"});
    }
    Append(findings, std::move(parsed.findings));
    if (!parsed.root) continue;
    YamlNode& root = docs.files.emplace_back(std::move(*parsed.root));
    CheckShape(IntegrationFileShape(), root, findings);
    const auto read = [&](const YamlNode& node) {
      if (node.kind != YamlNode::Kind::kMap) return;
      docs.integrations.push_back({ReadIntegration(node, docs.estate), &node});
    };
    if (root.kind == YamlNode::Kind::kList) {
      for (const YamlNode& node : root.items) read(node);
    } else {
      read(root);
    }
  }
}

// Merges the profile's keys into the root; kInvalidConfig if there is no such profile.
Status ApplyProfile(YamlNode& root, const std::string& profile) {
  if (profile.empty()) return Done{};
  std::vector<std::string> names;
  if (const YamlNode* profiles = root.Find({"profiles"})) {
    for (const YamlEntry& entry : profiles->entries) names.push_back(entry.key);
    if (const YamlNode* chosen = profiles->Find({profile})) {
      const YamlNode overrides = *chosen;
      MergeYaml(root, overrides);
      return Done{};
    }
  }
  if (!root.Lacks({"profiles", profile})) return Done{};  // Broken, which is a finding already.
  const std::string known = names.empty() ? "; it declares none" : "";
  return Unusable("no profile \"" + profile + "\" is declared in " + kEstateFile + known +
                  DidYouMean(profile, names));
}

void Sort(std::vector<Finding>& findings) {
  const auto place = [](const Finding& finding) {
    return std::tie(finding.mark.file, finding.mark.line, finding.mark.column);
  };
  std::stable_sort(findings.begin(), findings.end(),
                   [&](const Finding& a, const Finding& b) { return place(a) < place(b); });
  // An alias repeats its node's mistakes at the same place.
  const auto same = [&](const Finding& a, const Finding& b) {
    return place(a) == place(b) && a.message == b.message;
  };
  findings.erase(std::unique(findings.begin(), findings.end(), same), findings.end());
  if (findings.size() <= kFindingsMax) return;
  const std::size_t more = findings.size() - kFindingsMax;
  findings.resize(kFindingsMax);
  findings.push_back({Mark{.file = findings.back().mark.file},
                      "and " + std::to_string(more) + " more findings: cure these first"});
}

}  // namespace

Result<Loaded> Load(const fs::path& folder, const std::string& profile) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return Unusable(folder.string() + " is not a folder: say where the estate is with --estate");
  }
  const Result<std::string> text = ReadFileText(folder / kEstateFile);
  if (!text.ok()) {
    const bool other = fs::exists(folder / "estate.yml", error);
    return Unusable((folder / kEstateFile).string() + " " + text.error().message() +
                    (other ? "; rename estate.yml to estate.yaml" : ""));
  }

  EstateDocs docs;
  std::vector<Finding> findings;
  ParsedYaml parsed = ParseYaml(text.value(), kEstateFile);
  if (!parsed.root && parsed.findings.empty()) {
    findings.push_back(
        {Mark{.file = kEstateFile}, "the file is empty: start with \"estate: NAME\""});
  }
  Append(findings, std::move(parsed.findings));
  docs.root = std::move(parsed.root);
  if (docs.root) {
    CheckShape(EstateShape(), *docs.root, findings);
    CheckProfiles(*docs.root, findings);
    AFL_TRY(ApplyProfile(*docs.root, profile));
    docs.estate = ReadEstate(*docs.root);
  }
  docs.estate.folder = folder.string();
  docs.estate.profile = profile;
  ReadIntegrations(docs, folder, findings);
  ReadModels(docs, folder, findings);
  CheckRules(docs, findings);
  Sort(findings);

  Loaded loaded{.estate = std::move(docs.estate), .findings = std::move(findings)};
  for (IntegrationDoc& doc : docs.integrations) {
    std::string name = doc.integration.name;
    if (!name.empty()) {
      loaded.estate.integrations.emplace(std::move(name), std::move(doc.integration));
    }
  }
  for (ModelDoc& doc : docs.models) {
    std::string address = doc.model.table.ToString();
    loaded.estate.models.emplace(std::move(address), std::move(doc.model));
  }
  return loaded;
}

Result<fs::path> FindEstateFolder(const fs::path& start) {
  std::error_code error;
  const fs::path absolute = fs::absolute(start, error).lexically_normal();
  for (fs::path folder = absolute;; folder = folder.parent_path()) {
    if (fs::exists(folder / kEstateFile, error)) return folder;
    if (folder == folder.parent_path()) break;
  }
  return Unusable("no " + std::string(kEstateFile) + " in " + absolute.string() +
                  " or a folder above it: go to an estate's folder, or say --estate DIR");
}

}  // namespace afluente::estate
