#include "estate/read_values.h"

#include <charconv>
#include <utility>

#include "estate/quantities.h"

namespace afluente::estate {

std::string ReadText(const YamlNode& node, YamlPath path, const std::string& fallback) {
  const YamlNode* found = node.Find(path);
  return found == nullptr ? fallback : found->text;
}

bool ReadFlag(const YamlNode& node, YamlPath path) { return ReadText(node, path) == "true"; }

std::optional<std::chrono::milliseconds> ReadDuration(const YamlNode& node, YamlPath path) {
  const YamlNode* found = node.Find(path);
  return found == nullptr ? std::nullopt : ParseDuration(found->text);
}

std::optional<std::int64_t> ReadSize(const YamlNode& node, YamlPath path) {
  const YamlNode* found = node.Find(path);
  return found == nullptr ? std::nullopt : ParseSize(found->text);
}

std::vector<std::string> ReadList(const YamlNode& node, YamlPath path) {
  const YamlNode* found = node.Find(path);
  std::vector<std::string> texts;
  if (found == nullptr) return texts;
  if (found->kind == YamlNode::Kind::kScalar) return {found->text};
  for (const YamlNode& item : found->items) {
    if (item.sound) texts.push_back(item.text);
  }
  return texts;
}

std::optional<TableAddress> ReadTable(const YamlNode& node, YamlPath path) {
  const YamlNode* found = node.Find(path);
  if (found == nullptr) return std::nullopt;
  Result<TableAddress> address = ParseTableAddress(found->text);
  if (!address.ok()) return std::nullopt;
  return std::move(address).value();
}

std::optional<std::int64_t> ReadCount(const YamlNode& node, YamlPath path) {
  const YamlNode* found = node.Find(path);
  if (found == nullptr) return std::nullopt;
  std::int64_t count = 0;
  std::from_chars(found->text.data(), found->text.data() + found->text.size(), count);
  return count;
}

std::optional<double> ReadNumber(const YamlNode& node, YamlPath path) {
  const YamlNode* found = node.Find(path);
  if (found == nullptr) return std::nullopt;
  double number = 0;
  std::from_chars(found->text.data(), found->text.data() + found->text.size(), number);
  return number;
}

std::map<std::string, std::string> ReadMap(const YamlNode& node, YamlPath path) {
  std::map<std::string, std::string> texts;
  const YamlNode* found = node.Find(path);
  if (found == nullptr) return texts;
  for (const YamlEntry& entry : found->entries) {
    if (entry.value.sound) texts.emplace(entry.key, entry.value.text);
  }
  return texts;
}

std::optional<LakeAddress> ReadLake(const YamlNode& node, YamlPath path) {
  const YamlNode* found = node.Find(path);
  if (found == nullptr) return std::nullopt;
  Result<LakeAddress> address = ParseLakeAddress(found->text);
  if (!address.ok()) return std::nullopt;
  return std::move(address).value();
}

}  // namespace afluente::estate
