// One YAML file as a tree that remembers where everything stands. The only user of yaml-cpp.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "estate/estate.h"

namespace afluente::estate {

/// What a hostile or broken file may cost at most.
inline constexpr std::size_t kFileBytesMax = 1024 * 1024;
inline constexpr std::size_t kLineBytesMax = 64 * 1024;
inline constexpr std::size_t kNodesMax = 100'000;
inline constexpr std::size_t kLevelsMax = 64;

struct YamlEntry;

/// Owns its subtree. Aliases are expanded, so a node never stands in two trees.
struct YamlNode {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  bool plain = false;              // A scalar without quotes.
  std::string text;                // kScalar
  std::vector<YamlNode> items;     // kList
  std::vector<YamlEntry> entries;  // kMap, in the order of the file, doubles included.
  Mark mark;

  // Written by CheckShape, so that later rules do not complain a second time about what is
  // already known to be wrong.
  bool sound = true;                   // The value has the shape that stands in the format.
  std::vector<std::string> attempted;  // Keys that an unknown key of this map probably meant.

  /// The entry of a map with that key; the first one of doubles; nullptr: none.
  const YamlEntry* Entry(std::string_view key) const;
  YamlEntry* Entry(std::string_view key);
  /// The node at that path if it and all above it are sound; nullptr otherwise.
  const YamlNode* Find(std::initializer_list<std::string_view> path) const;
  /// Whether nothing at all, sound or not, stands at that path.
  bool Lacks(std::initializer_list<std::string_view> path) const;
  /// Where the value at that path stands, or else its nearest existing parent.
  const Mark& MarkOf(std::initializer_list<std::string_view> path) const;
};

struct YamlEntry {
  std::string key;
  Mark mark;
  YamlNode value;
};

/// Parses one document. `root` is empty when the file says nothing or does not
/// parse; in the second case `findings` says why. Never throws on bad input.
struct ParsedYaml {
  std::optional<YamlNode> root;
  std::vector<Finding> findings;
};
ParsedYaml ParseYaml(const std::string& text, FileName file);

/// Puts the keys of `over` into `base`, maps into maps; other values replace.
void MergeYaml(YamlNode& base, const YamlNode& over);

}  // namespace afluente::estate
