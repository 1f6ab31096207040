// What an integration says about single columns, and how it fits its key and cursor.
#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "base/names.h"
#include "estate/rules.h"

namespace afluente::estate {
namespace {

using Columns = std::map<std::string, ColumnRule>;

// Names are compared as DuckDB and BigQuery compare them.
std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c < 0x80 ? std::tolower(c) : c); });
  return text;
}

bool SomeInclude(const Columns& columns) {
  return std::any_of(columns.begin(), columns.end(),
                     [](const auto& entry) { return entry.second.include; });
}

bool LeftOut(const Columns& columns, const std::string& source_name) {
  const auto found = columns.find(source_name);
  if (found != columns.end() && found->second.exclude) return true;
  return SomeInclude(columns) && (found == columns.end() || !found->second.include);
}

void CheckRules(const RuleScope& scope) {
  const Columns& columns = scope.integration.columns;
  const bool some_include = SomeInclude(columns);
  for (const auto& [name, rule] : columns) {
    const std::string what = "columns." + name;
    if (rule.include && rule.exclude) {
      scope.Report({"columns", name, "exclude"},
                   what + " is both included and excluded: keep one of them");
      continue;
    }
    const bool left_out = rule.exclude || (some_include && !rule.include);
    if (!left_out) continue;
    const std::string why =
        rule.exclude ? " has no effect, because the column is excluded: remove one of them"
                     : " has no effect, because other columns say include: add \"include: true\"";
    for (const std::string_view key : {"rename", "mask", "type"}) {
      if (scope.Has({"columns", name, key})) {
        scope.Report({"columns", name, key}, what + "." + std::string(key) + why);
      }
    }
  }
}

void CheckRenames(const RuleScope& scope) {
  const Columns& columns = scope.integration.columns;
  std::map<std::string, std::string> taken;  // Name in the destination -> name in the source.
  for (const auto& [name, rule] : columns) {
    if (rule.rename.empty() && !LeftOut(columns, name)) taken.emplace(Lower(name), name);
  }
  for (const auto& [name, rule] : columns) {
    if (rule.rename.empty() || LeftOut(columns, name)) continue;
    const auto [other, fresh] = taken.emplace(Lower(rule.rename), name);
    if (fresh) continue;
    scope.Report({"columns", name, "rename"}, "columns." + name + ".rename: column \"" +
                                                  other->second + "\" already becomes \"" +
                                                  rule.rename + "\": choose another name");
  }
}

void CheckSalt(const RuleScope& scope) {
  const std::optional<YamlNode>& root = scope.docs.root;
  if (!root || !root->Lacks({"mask_salt"})) return;
  for (const auto& [name, rule] : scope.integration.columns) {
    if (rule.mask != Mask::kHash) continue;
    scope.Report({"columns", name, "mask"},
                 "columns." + name +
                     ".mask: hash needs a secret key: add \"mask_salt: ${env:MASK_SALT}\", in "
                     "quotes, to estate.yaml");
    return;  // One cure serves all columns.
  }
}

void CheckCursor(const RuleScope& scope) {
  const Columns& columns = scope.integration.columns;
  for (const std::string& name : scope.integration.cursor) {
    const auto found = columns.find(name);
    if (LeftOut(columns, name)) {
      const bool excluded = found != columns.end() && found->second.exclude;
      scope.Report({"cursor"}, "cursor: column \"" + name + "\" is " +
                                   (excluded ? "excluded" : "not included") +
                                   ", so its position cannot be read: take it, or choose another");
    } else if (found != columns.end() && found->second.mask) {
      scope.Report({"cursor"}, "cursor: column \"" + name +
                                   "\" is masked, which loses its order: choose another, or remove "
                                   "the mask");
    } else if (found == columns.end()) {
      // The cursor names source columns; a new name is an easy slip.
      for (const auto& [source_name, rule] : columns) {
        if (rule.rename != name) continue;
        scope.Report({"cursor"}, "cursor: \"" + name + "\" is the new name of column \"" +
                                     source_name + "\": write \"" + source_name + "\"");
      }
    }
  }
}

void CheckKeyColumn(const RuleScope& scope, const std::string& key) {
  const Columns& columns = scope.integration.columns;
  const auto named = std::find_if(columns.begin(), columns.end(), [&](const auto& entry) {
    const ColumnRule& rule = entry.second;
    return Lower(rule.rename.empty() ? entry.first : rule.rename) == Lower(key);
  });
  const auto report = [&](const std::string& message) {
    scope.Report({"destination", "key"}, "destination.key: column \"" + key + "\" " + message);
  };
  if (named == columns.end()) {
    const auto renamed = columns.find(key);
    if (renamed != columns.end() && !renamed->second.exclude) {
      report("is named \"" + renamed->second.rename + "\" in the destination: write that");
    } else if (SomeInclude(columns)) {
      report("is not included: add \"include: true\" to columns." + key);
    }
    return;
  }
  const auto& [name, rule] = *named;
  if (LeftOut(columns, name)) {
    report(rule.exclude ? "is excluded: take it, or choose another key"
                        : "is not included: add \"include: true\" to columns." + name);
    return;
  }
  // A hash keeps equal apart from different; the other masks make many rows one.
  if (rule.mask && *rule.mask != Mask::kHash) {
    scope.Report({"columns", name, "mask"},
                 "columns." + name + ".mask: " + std::string(NameOf(*rule.mask)) +
                     " makes different rows equal, but the column is a key: use hash, or another "
                     "key");
  }
}

}  // namespace

void CheckColumns(const RuleScope& scope) {
  CheckRules(scope);
  CheckRenames(scope);
  CheckSalt(scope);
  CheckCursor(scope);
  // A transform may make any column, so the key cannot be judged by the source's.
  if (!scope.Lacks({"transform"})) return;
  for (const std::string& key : scope.integration.destination.key) CheckKeyColumn(scope, key);
}

}  // namespace afluente::estate
