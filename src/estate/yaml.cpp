#include "estate/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <map>
#include <sstream>
#include <utility>

#include "estate/utf8.h"

namespace afluente::estate {
namespace {

// Thrown inside this file only: the way out of yaml-cpp's parser.
struct Stop {
  YAML::Mark mark;
  std::string message;
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view body, TextPlaces& places, FileName file)
      : body_(body), places_(places), file_(file) {}

  std::optional<YamlNode> root;

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) {
      throw Stop{mark,
                 "a second document starts here: keep one document a file, several "
                 "integrations as a list"};
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node = NewNode(YamlNode::Kind::kNull, mark, "?");
    if (SaysNull(mark)) node.text = "null";
    Add(std::move(node), anchor, mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Stop{mark, "an alias (*) stands inside its own anchor (&)"};
    Count(found->second.nodes, mark);
    if (open_.size() + found->second.levels > kLevelsMax) TooDeep(mark);
    if (!open_.empty()) {
      open_.back().levels = std::max(open_.back().levels, found->second.levels + 1);
    }
    Add(YamlNode(found->second.node), 0, mark);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    CheckClosed(mark);
    YamlNode node = NewNode(YamlNode::Kind::kScalar, mark, tag);
    node.plain = tag == "?";
    node.text = value;
    Add(std::move(node), anchor, mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    YAML::Mark mark;
    std::optional<YamlEntry> key;  // A key that waits for its value.
    std::size_t nodes_before = 0;
    std::size_t levels = 1;  // Of the subtree, itself included.
  };
  struct Anchored {
    YamlNode node;
    std::size_t nodes = 0;
    std::size_t levels = 0;
  };

  // yaml-cpp takes the end of the file for the end of a quoted text, and so hides the keys that a
  // forgotten quote has swallowed.
  void CheckClosed(const YAML::Mark& mark) const {
    if (mark.pos < 0 || static_cast<std::size_t>(mark.pos) >= body_.size()) return;
    const std::string_view rest = body_.substr(static_cast<std::size_t>(mark.pos));
    const char quote = rest.front();
    if (quote != '"' && quote != '\'') return;
    for (std::size_t at = 1; at < rest.size(); ++at) {
      const bool doubled = quote == '\'' && rest.substr(at).starts_with("''");
      if (doubled || (rest[at] == '\\' && quote == '"')) {
        ++at;
      } else if (rest[at] == quote) {
        return;
      }
    }
    throw Stop{mark, "the quoted text that starts here is not closed"};
  }

  // Whether the text has the word there, rather than nothing at all: for an absent value the mark
  // is that of the next token, which may be a key of that name.
  bool SaysNull(const YAML::Mark& mark) const {
    if (mark.pos < 0 || static_cast<std::size_t>(mark.pos) > body_.size()) return false;
    std::string_view rest = body_.substr(static_cast<std::size_t>(mark.pos));
    if (!rest.starts_with("null")) return false;
    rest.remove_prefix(4);
    const std::size_t next = rest.find_first_not_of(" \t");
    return next == std::string_view::npos || rest[next] != ':';
  }

  [[noreturn]] static void TooDeep(const YAML::Mark& mark) {
    throw Stop{mark, "more than " + std::to_string(kLevelsMax) +
                         " levels of nesting: no estate needs that; flatten it"};
  }

  void Count(std::size_t nodes, const YAML::Mark& mark) {
    nodes_ += nodes;
    if (nodes_ > kNodesMax) {
      throw Stop{mark, "more than " + std::to_string(kNodesMax) +
                           " values with aliases expanded: split the file, or use fewer aliases"};
    }
  }

  YamlNode NewNode(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag) {
    // yaml-cpp's tag is "?" for what is not tagged and "!" for quoted text.
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw Stop{mark, "YAML tags (!...) have no meaning in an estate: remove the tag"};
    }
    Count(1, mark);
    YamlNode node;
    node.kind = kind;
    node.mark = places_.MarkAt(file_, mark.line, mark.column);
    return node;
  }

  void Open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    if (open_.size() >= kLevelsMax) TooDeep(mark);
    const std::size_t before = nodes_;
    open_.push_back({.node = NewNode(kind, mark, tag),
                     .anchor = anchor,
                     .mark = mark,
                     .key = std::nullopt,
                     .nodes_before = before});
  }

  void Close() {
    Level level = std::move(open_.back());
    open_.pop_back();
    if (!open_.empty()) open_.back().levels = std::max(open_.back().levels, level.levels + 1);
    if (level.anchor != 0) {
      const std::size_t nodes = nodes_ - level.nodes_before;
      // The copy counts too, or nested anchors would cost levels x nodes of memory.
      Count(nodes, level.mark);
      anchors_[level.anchor] = {.node = level.node, .nodes = nodes, .levels = level.levels};
    }
    Add(std::move(level.node), 0, level.mark);
  }

  void Add(YamlNode node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (anchor != 0) anchors_[anchor] = {.node = node, .nodes = 1, .levels = 0};
    if (open_.empty()) {
      root = std::move(node);
      return;
    }
    Level& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.key) {
      // An absent value has no place of its own: yaml-cpp names the token that follows.
      if (node.kind == YamlNode::Kind::kNull) node.mark = parent.key->mark;
      parent.key->value = std::move(node);
      parent.node.entries.push_back(std::move(*parent.key));
      parent.key.reset();
    } else if (node.kind == YamlNode::Kind::kScalar) {
      parent.key = YamlEntry{.key = std::move(node.text), .mark = node.mark, .value = {}};
    } else {
      throw Stop{mark, "a key must be a text, not a list, a map or nothing"};
    }
  }

  std::string_view body_;
  TextPlaces& places_;
  const FileName file_;
  std::vector<Level> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

// yaml-cpp says what its grammar missed; people need to know what to type.
std::string Cure(const std::string& message) {
  static const std::pair<std::string_view, std::string_view> kCures[] = {
      {YAML::ErrorMsg::TAB_IN_INDENTATION, "a tab in the indentation: use spaces"},
      {YAML::ErrorMsg::END_OF_MAP_FLOW,
       "a { is not closed, or a comma is missing; texts with { } [ ] , such as \"${env:NAME}\" "
       "stand in quotes"},
      {YAML::ErrorMsg::END_OF_SEQ_FLOW, "a [ is not closed, or a comma is missing"},
      {YAML::ErrorMsg::END_OF_MAP,
       "this does not fit the map above it: check the indentation, and that \"key: value\" has a "
       "blank after the colon"},
      {YAML::ErrorMsg::END_OF_SEQ, "this does not fit the list above it: check the indentation"},
      {YAML::ErrorMsg::EOF_IN_SCALAR, "a quoted text is not closed before the end of the file"},
      {YAML::ErrorMsg::DOC_IN_SCALAR, "a quoted text is not closed before the line \"---\""},
      {YAML::ErrorMsg::MAP_VALUE,
       "a \": \" where no key can stand: put texts that hold \": \" in quotes"},
      {YAML::ErrorMsg::MAP_KEY, "a key where none can stand: check the indentation"},
      {YAML::ErrorMsg::BLOCK_ENTRY, "a \"- \" where no list can stand: check the indentation"},
      {YAML::ErrorMsg::FLOW_END, "a ] or } that closes nothing"},
      {YAML::ErrorMsg::UNKNOWN_TOKEN,
       "a text cannot start with this character: put the text in quotes"},
      {YAML::ErrorMsg::ALIAS_NOT_FOUND, "a text that starts with * (a cron?) stands in quotes"},
      {YAML::ErrorMsg::CHAR_IN_ALIAS, "a text that starts with * (a cron?) stands in quotes"},
      {YAML::ErrorMsg::UNKNOWN_ANCHOR,
       "no anchor (&) of that name stands above; a text that starts with * stands in quotes"},
      {YAML::ErrorMsg::ANCHOR_NOT_FOUND, "a text that starts with & stands in quotes"},
      {YAML::ErrorMsg::CHAR_IN_ANCHOR, "a text that starts with & stands in quotes"},
      {YAML::ErrorMsg::INVALID_ESCAPE,
       "an unknown escape: in double quotes a backslash is written \\\\; single quotes need none"},
  };
  for (const auto& [start, cure] : kCures) {
    if (message.starts_with(start)) return std::string(cure);
  }
  return message;
}

const YamlNode* Walk(const YamlNode& from, std::initializer_list<std::string_view> path,
                     bool only_sound) {
  const YamlNode* node = &from;
  for (const std::string_view key : path) {
    if (only_sound && !node->sound) return nullptr;
    const YamlEntry* entry = node->Entry(key);
    if (entry == nullptr) return nullptr;
    node = &entry->value;
  }
  return only_sound && !node->sound ? nullptr : node;
}

}  // namespace

const YamlEntry* YamlNode::Entry(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const YamlEntry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

YamlEntry* YamlNode::Entry(std::string_view key) {
  return const_cast<YamlEntry*>(std::as_const(*this).Entry(key));
}

const YamlNode* YamlNode::Find(std::initializer_list<std::string_view> path) const {
  return Walk(*this, path, true);
}

bool YamlNode::Lacks(std::initializer_list<std::string_view> path) const {
  const YamlNode* node = this;
  for (const std::string_view key : path) {
    if (!node->sound) return false;
    if (std::find(node->attempted.begin(), node->attempted.end(), key) != node->attempted.end()) {
      return false;
    }
    const YamlEntry* entry = node->Entry(key);
    if (entry == nullptr) return true;
    node = &entry->value;
  }
  return false;
}

const Mark& YamlNode::MarkOf(std::initializer_list<std::string_view> path) const {
  const YamlNode* node = this;
  for (const std::string_view key : path) {
    const YamlEntry* entry = node->Entry(key);
    if (entry == nullptr) break;
    node = &entry->value;
  }
  return node->mark;
}

ParsedYaml ParseYaml(const std::string& text, FileName file) {
  ParsedYaml parsed;
  const std::string_view body = WithoutByteOrderMark(text);
  TextPlaces places(body);
  if (const auto problem = FindTextProblem(body)) {
    const Mark mark = problem->offset == kWholeFile ? Mark{.file = file}
                                                    : places.MarkAtOffset(file, problem->offset);
    parsed.findings.push_back({mark, problem->message});
    return parsed;
  }
  const auto fail = [&](const YAML::Mark& mark, const std::string& message) {
    const Mark at =
        mark.is_null() ? Mark{.file = file} : places.MarkAt(file, mark.line, mark.column);
    parsed.findings.push_back({at, message});
  };
  TreeBuilder builder(body, places, file);
  try {
    std::istringstream stream{std::string(body)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    parsed.root = std::move(builder.root);
  } catch (const Stop& stop) {
    fail(stop.mark, stop.message);
  } catch (const YAML::Exception& error) {
    const std::string_view line = places.LineAt(error.mark.line);
    const std::size_t text_start = std::min(line.find_first_not_of(" \t"), line.size());
    const bool tab = line.substr(0, text_start).find('\t') != std::string_view::npos;
    fail(error.mark, "YAML: " + Cure(tab ? YAML::ErrorMsg::TAB_IN_INDENTATION : error.msg));
  } catch (const std::exception& error) {
    fail(YAML::Mark::null_mark(), std::string("the file cannot be parsed: ") + error.what());
  }
  if (parsed.root && parsed.root->kind == YamlNode::Kind::kNull) parsed.root.reset();
  return parsed;
}

void MergeYaml(YamlNode& base, const YamlNode& over) {
  if (base.kind != YamlNode::Kind::kMap || over.kind != YamlNode::Kind::kMap) {
    base = over;
    return;
  }
  for (const YamlEntry& entry : over.entries) {
    if (YamlEntry* old = base.Entry(entry.key)) {
      MergeYaml(old->value, entry.value);
    } else {
      base.entries.push_back(entry);
    }
  }
}

}  // namespace afluente::estate
