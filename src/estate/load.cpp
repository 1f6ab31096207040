#include "estate/load.h"

#include <algorithm>
#include <functional>
#include <system_error>
#include <tuple>
#include <utility>

#include "base/names.h"
#include "estate/check.h"
#include "estate/file_text.h"
#include "estate/format.h"
#include "estate/load_files.h"
#include "estate/load_models.h"
#include "estate/read.h"
#include "estate/rules.h"
#include "estate/templates.h"
#include "estate/yaml.h"

namespace afluente::estate {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEstateFile = "estate.yaml";
// Nobody reads more, and a hostile file could hold a hundred thousand.
constexpr std::size_t kFindingsMax = 1000;

Error Unusable(const std::string& message) { return {ErrorKind::kInvalidConfig, message}; }

void Append(std::vector<Finding>& findings, std::vector<Finding> more) {
  findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
}

// Calls `read` with each sound document of a folder; a file may hold a list of them.
void ReadDocuments(EstateDocs& docs, const fs::path& folder, const std::string& name,
                   const std::string& kind, const Shape& shape, const Templates& templates,
                   std::vector<Finding>& findings,
                   const std::function<void(const YamlNode&)>& read) {
  for (YamlNode* root : ReadYamlFiles(docs, folder, YamlFiles(folder, name, findings),
                                      "describe " + kind + ", or remove the file", findings)) {
    const std::string key = kind.substr(kind.find(' ') + 1);
    templates.Expand(key, *root, findings);
    for (YamlNode& item : root->items) templates.Expand(key, item, findings);
    // What a template could not be made of has its findings.
    std::erase_if(root->items, [](const YamlNode& item) { return !item.sound; });
    if (!root->sound) continue;
    CheckShape(shape, *root, findings);
    if (root->kind == YamlNode::Kind::kMap) read(*root);
    for (const YamlNode& item : root->items) {
      if (item.kind == YamlNode::Kind::kMap) read(item);
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
  const Templates templates(docs, folder, findings);
  ReadDocuments(docs, folder, "integrations", "an integration", IntegrationFileShape(), templates,
                findings, [&](const YamlNode& node) {
                  docs.integrations.push_back({ReadIntegration(node, docs.estate), &node});
                });
  ReadModels(docs, folder, findings);
  ReadDocuments(
      docs, folder, "dags", "a dag", DagFileShape(), templates, findings,
      [&](const YamlNode& node) { docs.dags.push_back({ReadDag(node, docs.estate), &node}); });
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
  for (DagDoc& doc : docs.dags) {
    std::string name = doc.dag.name;
    if (!name.empty()) loaded.estate.dags.emplace(std::move(name), std::move(doc.dag));
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
