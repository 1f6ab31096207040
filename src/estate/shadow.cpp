#include "estate/shadow.h"

#include <charconv>
#include <filesystem>
#include <set>

#include "base/names.h"
#include "estate/file_text.h"
#include "estate/rules.h"
#include "estate/yaml.h"

namespace afluente::estate {
namespace {

constexpr int kDaysMax = 366;

std::string TextAt(const YamlNode& node, std::initializer_list<std::string_view> path,
                   const std::string& fallback = "") {
  const YamlNode* found = node.Find(path);
  return found == nullptr ? fallback : found->text;
}

int Number(const std::string& text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

TableAddress Beside(TableAddress table, const char* ending) {
  table.table += ending;
  return table;
}

std::optional<Shadow> ReadShadow(const YamlNode& integration) {
  const YamlNode* node = integration.Find({"shadow"});
  if (node == nullptr) return std::nullopt;
  auto live = ParseTableAddress(TextAt(integration, {"destination", "table"}));
  if (!live.ok()) return std::nullopt;
  Shadow shadow;
  shadow.live = std::move(live).value();
  shadow.shadow = Beside(shadow.live, "__shadow");
  shadow.before = Beside(shadow.live, "__before");
  shadow.compare_with = TextAt(*node, {"compare_with"}, shadow.live.ToString());
  if (node->Find({"days"}) != nullptr) shadow.days = Number(TextAt(*node, {"days"}));
  shadow.at = TextAt(*node, {"at"}, shadow.at);
  shadow.mark = node->mark;
  return shadow;
}

}  // namespace

std::optional<std::pair<std::string, std::string>> SourceTableOf(const std::string& compare_with) {
  const std::size_t colon = compare_with.find(':');
  if (colon == std::string::npos || colon > compare_with.find('"')) return std::nullopt;
  return std::pair(compare_with.substr(0, colon), compare_with.substr(colon + 1));
}

Result<std::map<std::string, Shadow>> ReadShadows(const Estate& estate) {
  std::set<std::string> files;
  for (const auto& [name, integration] : estate.integrations) files.insert(integration.mark.file);
  std::map<std::string, Shadow> shadows;
  for (const std::string& file : files) {
    AFL_ASSIGN(const std::string text, ReadFileText(std::filesystem::path(estate.folder) / file));
    if (text.find("shadow") == std::string::npos) continue;
    const ParsedYaml parsed = ParseYaml(text, file);
    if (!parsed.root) continue;
    const auto read = [&](const YamlNode& node) {
      auto shadow = ReadShadow(node);
      if (shadow) shadows[TextAt(node, {"integration"})] = *std::move(shadow);
    };
    if (parsed.root->kind == YamlNode::Kind::kList) {
      for (const YamlNode& node : parsed.root->items) read(node);
    } else {
      read(*parsed.root);
    }
  }
  return shadows;
}

void CheckShadow(const RuleScope& scope) {
  if (!scope.Has({"shadow"})) return;
  const Integration& integration = scope.integration;
  const bool has_destination = !integration.destination.connection.empty() ||
                               integration.destination.lake || integration.destination.table;
  if (has_destination && !integration.destination.table) {
    scope.Report({"shadow"},
                 "shadow is for a destination in the warehouse, which can be renamed: "
                 "remove it");
  }
  if (const YamlNode* days = scope.node.Find({"shadow", "days"})) {
    const int number = Number(days->text);
    if (number < 1 || number > kDaysMax) {
      scope.Report({"shadow", "days"}, "shadow.days: expected 1 to 366, not " + days->text);
    }
  }
  const YamlNode* with = scope.node.Find({"shadow", "compare_with"});
  if (with == nullptr) return;
  const auto source = SourceTableOf(with->text);
  if (!source) {
    const auto table = ParseTableAddress(with->text);
    if (table.ok()) return;
    return scope.Report({"shadow", "compare_with"},
                        "shadow.compare_with: expected project.dataset.table or "
                        "connection:schema.table: " +
                            table.error().message());
  }
  if (!scope.connections) return;
  const std::string& wanted = source->first;
  for (const std::string& known : *scope.connections) {
    if (known == wanted) return;
  }
  scope.Report({"shadow", "compare_with"}, "shadow.compare_with: no connection \"" + wanted +
                                               "\" is declared under connections" +
                                               DidYouMean(wanted, *scope.connections));
}

}  // namespace afluente::estate
