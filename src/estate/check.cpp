#include "estate/check.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/names.h"
#include "estate/secrets.h"
#include "estate/utf8.h"

namespace afluente::estate {
namespace {

// Edit distances cost the square of the length, and nobody means a name that long.
constexpr std::size_t kNameBytesMax = 100;

std::string Nearest(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.size() > kNameBytesMax) return "";
  return std::string(NearestName(name, candidates));
}

bool IsWord(const Shape& shape, std::string_view text) {
  return std::any_of(shape.words.begin(), shape.words.end(),
                     [&](const WordDoc& word) { return word.word == text; });
}

std::vector<std::string> KeysOf(const Shape& object) {
  std::vector<std::string> keys;
  for (const Field& field : object.fields) keys.push_back(field.key);
  return keys;
}

const Field* FindField(const Shape& object, std::string_view key) {
  const auto found = std::find_if(object.fields.begin(), object.fields.end(),
                                  [&](const Field& field) { return field.key == key; });
  return found == object.fields.end() ? nullptr : &*found;
}

class Checker {
 public:
  explicit Checker(std::vector<Finding>& findings) : findings_(findings) {}

  // `path` is how people name the node: "source", "columns.urn"; the root has its shape's name.
  void Check(const Shape& shape, YamlNode& node, const std::string& path) {
    if (node.kind == YamlNode::Kind::kNull && IsWord(shape, node.text)) {
      node.kind = YamlNode::Kind::kScalar;  // YAML takes `mask: null` for no value; people do not.
      return;
    }
    if (node.kind == YamlNode::Kind::kNull) {
      const bool may_be_empty = shape.kind == Shape::Kind::kObject && shape.exactly_one.empty() &&
                                std::none_of(shape.fields.begin(), shape.fields.end(),
                                             [](const Field& field) { return field.required; });
      Refuse(node, path + " has no value: expected " + Expected(shape) +
                       (may_be_empty ? "; write {} to say nothing" : "; or remove the key"));
      return;
    }
    switch (shape.kind) {
      case Shape::Kind::kScalar:
        return CheckScalar(shape, node, path);
      case Shape::Kind::kWords:
        return CheckWords(WordList(shape), node, path);
      case Shape::Kind::kObject:
        return CheckObject(shape, node, path);
      case Shape::Kind::kMap:
        return CheckMap(shape, node, path);
      case Shape::Kind::kList:
        return CheckList(shape, node, path);
      case Shape::Kind::kAny:
        return;
      case Shape::Kind::kOneOf:
        return CheckOneOf(shape, node, path);
    }
  }

  // The root stands by itself, so its keys are named without a path before them.
  void CheckRoot(const Shape& shape, YamlNode& node) {
    at_root_ = true;
    const bool list = node.kind == YamlNode::Kind::kList;
    Check(shape, node,
          list || shape.kind != Shape::Kind::kOneOf ? shape.name : shape.parts.front().name);
  }

 private:
  void Report(const Mark& mark, std::string message) {
    findings_.push_back({mark, std::move(message)});
  }

  void Refuse(YamlNode& node, std::string message) {
    node.sound = false;
    Report(node.mark, std::move(message));
  }

  void RefuseKind(const Shape& shape, YamlNode& node, const std::string& path) {
    std::string found = "a map";
    if (node.kind == YamlNode::Kind::kList) found = "a list";
    if (node.kind == YamlNode::Kind::kScalar) {
      // A value that stands one level too high may be a secret; only short words are shown.
      found = node.text.size() <= kNameBytesMax && node.text.find("://") == std::string::npos &&
                      node.text.find('=') == std::string::npos
                  ? "the text " + Quoted(node.text)
                  : "a text";
    }
    Refuse(node, path + ": expected " + Expected(shape) + ", not " + found);
  }

  void CheckScalar(const Shape& shape, YamlNode& node, const std::string& path) {
    const ScalarKind& kind = *shape.scalar;
    if (node.kind != YamlNode::Kind::kScalar) return RefuseKind(shape, node, path);
    std::string problem;
    if (!node.plain && kind.json_type != "string") {
      problem = "remove the quotes";
    } else if (!kind.references && HoldsReference(node.text)) {
      problem = "${env:...} and ${file:...} are not resolved here";
    } else {
      problem = kind.problem(node.text);
      if (problem.empty()) return;
    }
    const std::string value = kind.secret ? "" : ", not " + Quoted(node.text);
    Refuse(node, path + ": expected " + std::string(kind.expected) + value + ": " + problem);
  }

  void CheckWords(const std::vector<std::string>& words, YamlNode& node, const std::string& path) {
    const std::string expected =
        path + ": expected " + (words.size() == 1 ? "" : "one of ") + JoinNames(words);
    if (node.kind != YamlNode::Kind::kScalar) {
      const std::string found = node.kind == YamlNode::Kind::kList ? "a list" : "a map";
      return Refuse(node, expected + ", not " + found);
    }
    if (std::find(words.begin(), words.end(), node.text) != words.end()) return;
    const std::string nearest = Nearest(node.text, words);
    const std::string cure = nearest.empty() ? "" : " (did you mean \"" + nearest + "\"?)";
    Refuse(node, expected + ", not " + Quoted(node.text) + cure);
  }

  void CheckList(const Shape& shape, YamlNode& node, const std::string& path) {
    if (node.kind != YamlNode::Kind::kList) return RefuseKind(shape, node, path);
    const Shape& element = shape.parts.front();
    std::set<std::string> seen;
    const std::string element_path = element.name.empty() ? path : element.name;
    const bool root = std::exchange(at_root_, false);
    const bool repeats = element.kind == Shape::Kind::kScalar && element.scalar->repeats;
    for (YamlNode& item : node.items) {
      at_root_ = root;
      Check(element, item, element_path);
      if (repeats || item.kind != YamlNode::Kind::kScalar) continue;
      if (!seen.insert(item.text).second) {
        Refuse(item, path + " names " + Quoted(item.text) + " twice: remove one");
      }
    }
  }

  void CheckMap(const Shape& shape, YamlNode& node, const std::string& path) {
    if (node.kind != YamlNode::Kind::kMap) return RefuseKind(shape, node, path);
    CheckDoubles(node, path);
    for (YamlEntry& entry : node.entries) {
      const std::string problem = shape.scalar->problem(entry.key);
      if (!problem.empty()) {
        entry.value.sound = false;
        Report(entry.mark, path + ": expected " + std::string(shape.scalar->expected) + ", not " +
                               Quoted(entry.key) + ": " + problem);
      }
      Check(shape.parts.front(), entry.value, Join(path, entry.key));
    }
  }

  void CheckObject(const Shape& shape, YamlNode& node, const std::string& path) {
    if (node.kind != YamlNode::Kind::kMap) return RefuseKind(shape, node, path);
    const bool root = std::exchange(at_root_, false);
    CheckDoubles(node, path);
    const std::vector<std::string> keys = KeysOf(shape);
    for (YamlEntry& entry : node.entries) {
      const Field* field = FindField(shape, entry.key);
      if (field != nullptr) {
        Check(field->shape, entry.value, root ? entry.key : Join(path, entry.key));
      } else {
        CheckUnknownKey(keys, node, entry, path);
      }
    }
    const auto lacks = [&](std::string_view key) { return node.Lacks({key}); };
    for (const Field& field : shape.fields) {
      if (!field.required || !lacks(field.key)) continue;
      Report(node.mark, "missing key \"" + field.key + "\" in " + path + ": expected " +
                            Expected(field.shape));
    }
    CheckExactlyOne(shape, node, path);
  }

  void CheckUnknownKey(const std::vector<std::string>& keys, YamlNode& node, const YamlEntry& entry,
                       const std::string& path) {
    constexpr std::size_t kListedMax = 10;
    std::string message = "unknown key " + Quoted(entry.key) + " in " + path;
    if (entry.key == "<<") {
      Report(entry.mark, message + ": merge keys are not known here; write the keys out");
      node.attempted = keys;
      return;
    }
    const std::string nearest = Nearest(entry.key, keys);
    if (!nearest.empty()) node.attempted.push_back(nearest);
    if (nearest.empty() || keys.size() <= kListedMax) {
      message += "; expected one of " + JoinNames(keys);
    }
    if (!nearest.empty()) message += " (did you mean \"" + nearest + "\"?)";
    Report(entry.mark, std::move(message));
  }

  void CheckDoubles(YamlNode& node, const std::string& path) {
    std::map<std::string_view, const YamlEntry*> first;
    for (const YamlEntry& entry : node.entries) {
      const auto [found, fresh] = first.emplace(entry.key, &entry);
      if (fresh) continue;
      Report(entry.mark, "key " + Quoted(entry.key) + " stands twice in " + path +
                             ", first in line " + std::to_string(found->second->mark.line) +
                             ": remove one");
    }
  }

  void CheckExactlyOne(const Shape& shape, const YamlNode& node, const std::string& path) {
    if (shape.exactly_one.empty()) return;
    const YamlEntry* first = nullptr;
    bool none = true;
    for (const std::string& key : shape.exactly_one) {
      if (!node.Lacks({key})) none = false;
      const YamlEntry* entry = node.Entry(key);
      if (entry == nullptr) continue;
      if (first != nullptr) {
        Report(entry->mark, path + " has both \"" + first->key + "\" and \"" + key +
                                "\": keep exactly one of " + JoinNames(shape.exactly_one));
      } else {
        first = entry;
      }
    }
    if (none) {
      Report(node.mark, path + " needs exactly one of " + JoinNames(shape.exactly_one));
    }
  }

  void CheckOneOf(const Shape& shape, YamlNode& node, const std::string& path) {
    const auto part = [&](auto fits) -> const Shape* {
      const auto found = std::find_if(shape.parts.begin(), shape.parts.end(), fits);
      return found == shape.parts.end() ? nullptr : &*found;
    };
    const Shape* fitting = nullptr;
    if (node.kind == YamlNode::Kind::kScalar) {
      fitting = part([](const Shape& one) {
        return one.kind == Shape::Kind::kScalar || one.kind == Shape::Kind::kWords;
      });
    } else if (node.kind == YamlNode::Kind::kList) {
      fitting = part([](const Shape& one) { return one.kind == Shape::Kind::kList; });
    } else {
      return CheckPickedObject(shape, node, path);
    }
    if (fitting == nullptr) return RefuseKind(shape, node, path);
    if (fitting->kind == Shape::Kind::kWords) {
      // Not even near a word: the other alternatives are worth naming, too.
      if (!IsWord(*fitting, node.text) && Nearest(node.text, WordList(*fitting)).empty()) {
        return RefuseKind(shape, node, path);
      }
    }
    Check(*fitting, node, path);
  }

  // Among several objects the first field picks: by its only word, or by being there.
  void CheckPickedObject(const Shape& shape, YamlNode& node, const std::string& path) {
    std::vector<const Shape*> objects;
    for (const Shape& one : shape.parts) {
      if (one.kind == Shape::Kind::kObject) objects.push_back(&one);
    }
    if (objects.empty()) return RefuseKind(shape, node, path);
    if (objects.size() == 1) return Check(*objects.front(), node, path);
    std::vector<std::string> keys;
    for (const Shape* object : objects) {
      const Field& picker = object->fields.front();
      if (keys.empty() || keys.back() != picker.key) keys.push_back(picker.key);
    }
    for (const std::string& key : keys) {
      YamlEntry* entry = node.Entry(key);
      if (entry == nullptr) continue;
      std::vector<std::string> words;
      for (const Shape* object : objects) {
        const Field& picker = object->fields.front();
        if (picker.key != key) continue;
        const std::vector<std::string> own = WordList(picker.shape);
        if (own.empty() ||
            (entry->value.kind == YamlNode::Kind::kScalar && own.front() == entry->value.text)) {
          return Check(*object, node, path);
        }
        words.push_back(own.front());
      }
      node.sound = false;
      return CheckWords(words, entry->value, Join(path, key));
    }
    const std::string nearest = node.entries.empty() ? "" : Nearest(node.entries.front().key, keys);
    std::string message = path + " needs one of the keys " + JoinNames(keys);
    if (!nearest.empty()) message += " (did you mean \"" + nearest + "\"?)";
    Refuse(node, std::move(message));
  }

  static std::string Join(const std::string& path, const std::string& key) {
    return path + "." + (key.size() > kNameBytesMax ? key.substr(0, 20) + "..." : key);
  }

  std::vector<Finding>& findings_;
  bool at_root_ = false;
};

}  // namespace

void CheckShape(const Shape& shape, YamlNode& node, std::vector<Finding>& findings) {
  Checker(findings).CheckRoot(shape, node);
}

}  // namespace afluente::estate
