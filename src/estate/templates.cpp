#include "estate/templates.h"

#include <functional>
#include <set>
#include <utility>

#include "base/names.h"
#include "estate/check.h"
#include "estate/dag_values.h"
#include "estate/format.h"
#include "estate/load_files.h"
#include "estate/read_values.h"

namespace afluente::estate {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";
constexpr std::string_view kPrefix = "with.";

std::string_view Trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

struct Place {
  std::string name;  // Behind "with.".
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Where a text has {{ with.NAME }}; others are left to whoever runs the task.
std::vector<Place> PlacesIn(std::string_view text) {
  std::vector<Place> places;
  std::size_t at = 0;
  while ((at = text.find(kOpen, at)) != std::string_view::npos) {
    const std::size_t close = text.find(kClose, at);
    if (close == std::string_view::npos) break;
    const std::string_view inner =
        Trimmed(text.substr(at + kOpen.size(), close - at - kOpen.size()));
    const std::size_t end = close + kClose.size();
    if (inner.starts_with(kPrefix)) {
      places.push_back({std::string(inner.substr(kPrefix.size())), at, end});
    }
    at = end;
  }
  return places;
}

void ForEachScalar(YamlNode& node, const std::function<void(YamlNode&)>& visit) {
  if (node.kind == YamlNode::Kind::kScalar) visit(node);
  for (YamlNode& item : node.items) ForEachScalar(item, visit);
  for (YamlEntry& entry : node.entries) ForEachScalar(entry.value, visit);
}

std::vector<std::string> ParametersOf(const YamlNode& made) {
  std::vector<std::string> names;
  if (const YamlNode* parameters = made.Find({"parameters"})) {
    for (const YamlEntry& entry : parameters->entries) names.push_back(entry.key);
  }
  return names;
}

const YamlNode* BodyOf(const YamlNode& made) {
  const YamlNode* body = made.Find({"integration"});
  return body != nullptr ? body : made.Find({"dag"});
}

void CheckPlaces(const YamlNode& made, std::vector<Finding>& findings) {
  const YamlNode* body = BodyOf(made);
  if (body == nullptr) return;
  const std::vector<std::string> names = ParametersOf(made);
  std::set<std::string> unused(names.begin(), names.end());
  YamlNode copy = *body;
  ForEachScalar(copy, [&](const YamlNode& node) {
    for (const Place& place : PlacesIn(node.text)) {
      unused.erase(place.name);
      if (std::find(names.begin(), names.end(), place.name) != names.end()) continue;
      findings.push_back({node.mark, "the template has no parameter \"" + place.name + "\"" +
                                         DidYouMean(place.name, names)});
    }
  });
  for (const std::string& name : unused) {
    findings.push_back({made.MarkOf({"parameters", name}),
                        "parameter " + name + " is used nowhere: write {{ with." + name +
                            " }} where it belongs, or remove it"});
  }
}

std::string KindName(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kList) return "a list";
  if (node.kind == YamlNode::Kind::kMap) return "a map";
  return "\"" + node.text + "\"";
}

// "" when the value is of the parameter's type.
std::string TypeProblem(const std::string& type, const YamlNode& value) {
  const bool wants_list = type == "list";
  const bool wants_map = type == "map";
  const bool fits_kind = wants_list  ? value.kind == YamlNode::Kind::kList
                         : wants_map ? value.kind == YamlNode::Kind::kMap
                                     : value.kind == YamlNode::Kind::kScalar;
  if (!fits_kind) return "expected " + type + ", not " + KindName(value);
  if (wants_list || wants_map) return "";
  const auto kind = ParseWord<ParameterType>(type);
  const std::string problem = kind ? ParameterProblem(*kind, value.text) : "";
  return problem.empty() ? "" : "expected " + type + ", not " + KindName(value) + ": " + problem;
}

using Values = std::map<std::string, const YamlNode*>;

// The values of all parameters; fewer when something has a finding.
Values ValuesFor(const YamlNode& made, const YamlNode& instance, std::vector<Finding>& findings) {
  Values values;
  const std::vector<std::string> names = ParametersOf(made);
  const YamlNode* with = instance.Find({"with"});
  if (with != nullptr) {
    for (const YamlEntry& entry : with->entries) {
      const YamlNode* parameter = made.Find({"parameters", entry.key});
      if (parameter == nullptr) {
        findings.push_back({entry.mark, "the template has no parameter \"" + entry.key + "\"" +
                                            DidYouMean(entry.key, names)});
        continue;
      }
      const std::string problem = TypeProblem(ReadText(*parameter, {"type"}, "text"), entry.value);
      if (problem.empty()) {
        values.emplace(entry.key, &entry.value);
      } else {
        findings.push_back({entry.value.mark, "with." + entry.key + ": " + problem});
      }
    }
  }
  for (const std::string& name : names) {
    if (with != nullptr && with->Entry(name) != nullptr) continue;
    const YamlNode* fallback = made.Find({"parameters", name, "default"});
    if (fallback != nullptr) {
      values.emplace(name, fallback);
    } else {
      findings.push_back({instance.MarkOf({"with"}),
                          "the template needs the parameter " + name + ": add it under \"with\""});
    }
  }
  return values;
}

void PutIn(const Values& values, YamlNode& node) {
  const std::vector<Place> places = PlacesIn(node.text);
  if (places.empty()) return;
  const std::string_view whole = Trimmed(node.text);
  const bool is_all = places.size() == 1 && places[0].end - places[0].begin == whole.size();
  if (is_all) {
    YamlNode value = *values.at(places[0].name);
    node = std::move(value);
    return;
  }
  std::string text;
  std::size_t at = 0;
  for (const Place& place : places) {
    const YamlNode& value = *values.at(place.name);
    text += node.text.substr(at, place.begin - at) + value.text;
    at = place.end;
    node.mark = value.mark;
  }
  node.text = text + node.text.substr(at);
}

}  // namespace

Templates::Templates(EstateDocs& docs, const std::filesystem::path& folder,
                     std::vector<Finding>& findings) {
  for (const std::filesystem::path& file : YamlFiles(folder, "templates", findings)) {
    YamlNode* made =
        ReadYamlFile(docs, folder, file, "describe a template, or remove it", findings);
    if (made == nullptr) continue;
    CheckShape(TemplateShape(), *made, findings);
    const std::string name = ReadText(*made, {"template"});
    if (name.empty()) continue;
    CheckPlaces(*made, findings);
    const auto [first, fresh] = templates_.emplace(name, made);
    if (fresh) continue;
    findings.push_back(
        {made->MarkOf({"template"}), "template \"" + name + "\" already stands at " +
                                         first->second->MarkOf({"template"}).ToString() +
                                         ": rename one of them"});
  }
}

void Templates::Expand(const std::string& kind, YamlNode& node,
                       std::vector<Finding>& findings) const {
  if (node.kind != YamlNode::Kind::kMap || node.Entry("use") == nullptr) return;
  const std::size_t before = findings.size();
  const auto fail = [&] {
    YamlNode nothing;
    nothing.mark = node.mark;
    nothing.sound = false;
    node = std::move(nothing);
  };
  CheckShape(InstanceShape(), node, findings);
  const std::string name = ReadText(node, {"use"});
  if (name.empty()) return fail();
  std::vector<std::string> names;
  for (const auto& [known, made] : templates_) names.push_back(known);
  const auto found = templates_.find(name);
  if (found == templates_.end()) {
    findings.push_back({node.MarkOf({"use"}), "no template \"" + name + "\" stands in templates/" +
                                                  DidYouMean(name, names)});
    return fail();
  }
  const YamlNode& made = *found->second;
  const YamlNode* body = made.Find({kind});
  if (body == nullptr) {
    findings.push_back({node.MarkOf({"use"}), "template \"" + name + "\" makes no " + kind + " (" +
                                                  made.MarkOf({"template"}).ToString() + ")"});
    return fail();
  }
  const Values values = ValuesFor(made, node, findings);
  if (findings.size() > before) return fail();
  YamlNode expanded = *body;
  bool complete = true;
  ForEachScalar(expanded, [&](const YamlNode& scalar) {
    for (const Place& place : PlacesIn(scalar.text)) {
      complete = complete && values.contains(place.name);
    }
  });
  if (!complete) return fail();  // An unknown parameter, which is a finding of the template.
  ForEachScalar(expanded, [&](YamlNode& scalar) { PutIn(values, scalar); });
  expanded.mark = node.mark;
  // What the whole is named by is told where it is used.
  if (YamlEntry* named = expanded.Entry(kind)) named->value.mark = node.mark;
  node = std::move(expanded);
}

}  // namespace afluente::estate
