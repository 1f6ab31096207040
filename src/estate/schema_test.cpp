// With the sanitizers g++ 12 warns inside <regex>, wrongly (GCC bug 105562).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

#include "estate/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "estate/format.h"
#include "estate/scalars.h"
#include "estate/test_estate.h"
#include "estate/yaml.h"

namespace afluente::estate {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

json Value(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return nullptr;
    case YamlNode::Kind::kScalar:
      if (!node.plain) return node.text;
      if (node.text == "true" || node.text == "false") return node.text == "true";
      if (std::regex_match(node.text, std::regex("[0-9]{1,9}"))) return std::stoi(node.text);
      return node.text;
    case YamlNode::Kind::kList: {
      json list = json::array();
      for (const YamlNode& item : node.items) list.push_back(Value(item));
      return list;
    }
    case YamlNode::Kind::kMap: {
      json map = json::object();
      for (const YamlEntry& entry : node.entries) map[entry.key] = Value(entry.value);
      return map;
    }
  }
  return {};
}

// The part of JSON Schema that ours uses. Any other keyword is a failure of the test.
class Validator {
 public:
  explicit Validator(json root) : root_(std::move(root)) {}

  bool Admits(const json& value) const { return Admits(root_, value); }

 private:
  bool Admits(const json& schema, const json& value) const {
    for (const auto& [keyword, rule] : schema.items()) {
      if (!Obeys(schema, keyword, rule, value)) return false;
    }
    return true;
  }

  bool Obeys(const json& schema, const std::string& keyword, const json& rule,
             const json& value) const {
    static const std::set<std::string> kNotes = {
        "$schema", "$defs", "title", "description", "default", "examples", "enumDescriptions"};
    if (kNotes.contains(keyword)) return true;
    if (keyword == "$ref") {
      return Admits(root_.at(json::json_pointer(rule.get<std::string>().substr(1))), value);
    }
    if (keyword == "type") return IsOfType(rule, value);
    if (keyword == "enum") return std::find(rule.begin(), rule.end(), value) != rule.end();
    if (keyword == "pattern") {
      return !value.is_string() ||
             std::regex_search(value.get<std::string>(), std::regex(rule.get<std::string>()));
    }
    if (keyword == "minimum") return !value.is_number() || value >= rule;
    if (keyword == "maximum") return !value.is_number() || value <= rule;
    if (keyword == "anyOf" || keyword == "oneOf") {
      const auto admitted = std::count_if(rule.begin(), rule.end(),
                                          [&](const json& one) { return Admits(one, value); });
      return keyword == "anyOf" ? admitted > 0 : admitted == 1;
    }
    if (keyword == "items") {
      return !value.is_array() || std::all_of(value.begin(), value.end(),
                                              [&](const json& item) { return Admits(rule, item); });
    }
    if (keyword == "uniqueItems") {
      return !value.is_array() || std::set<json>(value.begin(), value.end()).size() == value.size();
    }
    if (keyword == "required") {
      return !value.is_object() || std::all_of(rule.begin(), rule.end(), [&](const json& key) {
        return value.contains(key.get<std::string>());
      });
    }
    if (keyword == "properties" || keyword == "propertyNames" ||
        keyword == "additionalProperties") {
      return !value.is_object() || PropertiesObey(schema, keyword, rule, value);
    }
    ADD_FAILURE() << "a keyword that this test does not know: " << keyword;
    return false;
  }

  bool PropertiesObey(const json& schema, const std::string& keyword, const json& rule,
                      const json& value) const {
    for (const auto& [key, property] : value.items()) {
      const bool known = schema.contains("properties") && schema["properties"].contains(key);
      if (keyword == "properties" && known && !Admits(rule[key], property)) return false;
      if (keyword == "propertyNames" && !Admits(rule, key)) return false;
      if (keyword != "additionalProperties" || known) continue;
      if (rule.is_boolean() ? !rule.get<bool>() : !Admits(rule, property)) return false;
    }
    return true;
  }

  static bool IsOfType(const json& type, const json& value) {
    if (type.is_array()) {
      return std::any_of(type.begin(), type.end(),
                         [&](const json& one) { return IsOfType(one, value); });
    }
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_number_integer();
    if (type == "boolean") return value.is_boolean();
    if (type == "null") return value.is_null();
    ADD_FAILURE() << "a type that this test does not know: " << type;
    return false;
  }

  json root_;
};

bool SchemaAdmits(const std::string& yaml) {
  const ParsedYaml parsed = ParseYaml(yaml, "x.yaml");
  EXPECT_TRUE(parsed.root) << yaml;
  return parsed.root && Validator(json::parse(JsonSchema())).Admits(Value(*parsed.root));
}

TEST(SchemaTest, AdmitsWhatLoadAdmits) {
  EXPECT_TRUE(SchemaAdmits(kSampleEstate));
  EXPECT_TRUE(SchemaAdmits(kSampleIntegration));
  const std::string item =
      "{ integration: a, mode: snapshot, source: { webhook: /a }, "
      "destination: { lake: p/b/c, key: id }, columns: { a: { mask: null } }, "
      "parallel: 4, trigger: { on: topic, topic: t } }\n";
  EXPECT_TRUE(SchemaAdmits("- " + item + "- " + item));
}

TEST(SchemaTest, RefusesWhatLoadRefuses) {
  const std::string sample = kSampleIntegration;
  for (const std::string line :
       {"tabel: x", "parallel: 65", "where: [a]", "tags: [A]", "write: insert",
        "trigger: { on: never }", "lookback: 10", "columns: { a: { mask: rot13 } }"}) {
    EXPECT_FALSE(SchemaAdmits(sample + line + "\n")) << line;
  }
  EXPECT_FALSE(SchemaAdmits("integration: a\nmode: cdc\n"));
  EXPECT_FALSE(SchemaAdmits("estate: a\nconnections: { b: { type: postgers } }\n"));
  EXPECT_FALSE(SchemaAdmits("estate: a\nconnections: { B b: { type: postgres } }\n"));
  EXPECT_FALSE(
      SchemaAdmits("integration: a\nmode: cdc\ndestination: { table: a.b.c }\n"
                   "source: { table: a.b, query: select 1 }\n"));
}

TEST(SchemaTest, EveryValueHasAnExampleThatFits) {
  std::set<std::string_view> names;
  for (const ScalarKind* kind : AllScalarKinds()) {
    const std::string example(kind->example);
    EXPECT_TRUE(names.insert(kind->name).second) << kind->name;
    EXPECT_EQ(kind->problem(example), "") << kind->name;
    EXPECT_TRUE(std::regex_search(example, std::regex(std::string(kind->pattern)))) << kind->name;
    const bool may_be_empty = kind == &kArgument || kind == &kContent;
    EXPECT_EQ(kind->problem("").empty(), may_be_empty) << kind->name;
  }
}

// Calls `visit` for every named shape and every field below `shape`.
template <class Visit>
void WalkShape(const Shape& shape, const Visit& visit) {
  visit(shape);
  for (const Field& field : shape.fields) WalkShape(field.shape, visit);
  for (const Shape& part : shape.parts) WalkShape(part, visit);
}

TEST(SchemaTest, ANameMeansOneShape) {
  std::map<std::string, std::string> shapes;
  const auto visit = [&](const Shape& shape) {
    const std::string name = shape.scalar != nullptr && shape.kind == Shape::Kind::kScalar
                                 ? std::string(shape.scalar->name)
                                 : shape.name;
    if (name.empty()) return;
    const auto [known, fresh] = shapes.emplace(name, Expected(shape));
    EXPECT_EQ(known->second, Expected(shape)) << name;
  };
  WalkShape(EstateShape(), visit);
  WalkShape(IntegrationFileShape(), visit);
}

TEST(ReferenceTest, NamesEveryKeyWordAndValue) {
  const std::string page = ReferencePage();
  EXPECT_THAT(page, HasSubstr("Generated by `afluente schema --markdown`"));
  const auto visit = [&](const Shape& shape) {
    for (const Field& field : shape.fields) {
      EXPECT_THAT(page, HasSubstr("| `" + field.key + "` |"));
      EXPECT_FALSE(field.doc.empty()) << field.key;
    }
    for (const WordDoc& word : shape.words) EXPECT_THAT(page, HasSubstr("`" + word.word + "`"));
  };
  WalkShape(EstateShape(), visit);
  WalkShape(IntegrationShape(), visit);
}

TEST(ReferenceTest, LinksLeadToHeadings) {
  const std::string page = ReferencePage();
  const std::regex link("\\]\\(#([a-z0-9-]+)\\)");
  for (std::sregex_iterator it(page.begin(), page.end(), link), end; it != end; ++it) {
    std::string heading = (*it)[1];
    std::replace(heading.begin(), heading.end(), '-', ' ');
    EXPECT_THAT(page, HasSubstr("# " + heading + "\n"));
  }
}

TEST(ReferenceTest, ItsExamplesAreSound) {
  const std::string page = ReferencePage();
  TestEstate files;
  const std::regex block("```yaml\n# ([a-z./]+)\n");
  int blocks = 0;
  for (std::sregex_iterator it(page.begin(), page.end(), block), end; it != end; ++it, ++blocks) {
    const auto start = static_cast<std::size_t>(it->position() + it->length());
    files.Write((*it)[1], page.substr(start, page.find("```", start) - start));
  }
  EXPECT_EQ(blocks, 2);
  EXPECT_THAT(files.Findings(), IsEmpty());
  EXPECT_THAT(files.Findings("gcp"), IsEmpty());
}

}  // namespace
}  // namespace afluente::estate
