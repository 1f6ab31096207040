#include "estate/schema.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "estate/format.h"
#include "estate/scalars.h"

namespace afluente::estate {
namespace {

// Keys stay in the order of the definition, which is the order for people.
using Json = nlohmann::ordered_json;

class SchemaWriter {
 public:
  /// The schema of a shape: a reference if it has a name, else the schema itself.
  Json Of(const Shape& shape) {
    const std::string name = NameOf(shape);
    if (name.empty()) return Inline(shape);
    if (!defs_.contains(name)) {
      defs_[name] = Json::object();  // Holds the place, so that parents stand above their parts.
      Json schema = Inline(shape);
      defs_[name] = std::move(schema);
    }
    return {{"$ref", "#/$defs/" + name}};
  }

  Json TakeDefs() { return std::move(defs_); }

 private:
  static std::string NameOf(const Shape& shape) {
    return shape.kind == Shape::Kind::kScalar ? std::string(shape.scalar->name) : shape.name;
  }

  Json Inline(const Shape& shape) {
    switch (shape.kind) {
      case Shape::Kind::kScalar:
        return OfScalar(*shape.scalar);
      case Shape::Kind::kWords:
        return OfWords(shape);
      case Shape::Kind::kObject:
        return OfObject(shape);
      case Shape::Kind::kMap: {
        Json schema = {{"type", "object"}, {"additionalProperties", Of(shape.parts.front())}};
        const Shape keys = Scalar(*shape.scalar);
        schema["propertyNames"] = Of(keys);
        return schema;
      }
      case Shape::Kind::kList: {
        Json schema = {{"type", "array"}, {"items", Of(shape.parts.front())}};
        const Shape& element = shape.parts.front();
        const bool unique = element.kind == Shape::Kind::kScalar && !element.scalar->repeats;
        if (unique) schema["uniqueItems"] = true;
        return schema;
      }
      case Shape::Kind::kAny:
        return Json::object();
      case Shape::Kind::kOneOf: {
        Json schema = {{"anyOf", Json::array()}};
        for (const Shape& part : shape.parts) schema["anyOf"].push_back(Of(part));
        return schema;
      }
    }
    return {};
  }

  static Json OfScalar(const ScalarKind& kind) {
    Json schema = {{"type", kind.json_type}, {"description", kind.doc}};
    if (kind.json_type == "integer") {
      schema["minimum"] = 0;
      if (&kind == &kLanes) schema["maximum"] = 64;
      return schema;
    }
    if (!kind.pattern.empty()) schema["pattern"] = kind.pattern;
    if (kind.json_type == "string") schema["examples"] = {kind.example};
    return schema;
  }

  static Json OfWords(const Shape& shape) {
    Json schema = {
        {"type", "string"}, {"enum", Json::array()}, {"enumDescriptions", Json::array()}};
    for (const WordDoc& word : shape.words) {
      schema["enum"].push_back(word.word);
      schema["enumDescriptions"].push_back(word.doc);
      if (word.word != "null") continue;
      // Without quotes YAML gives the value null, not the word.
      schema["type"] = {"string", "null"};
      schema["enum"].push_back(nullptr);
      schema["enumDescriptions"].push_back(word.doc);
    }
    return schema;
  }

  Json OfObject(const Shape& shape) {
    Json schema = {{"type", "object"}, {"properties", Json::object()}};
    Json required = Json::array();
    for (const Field& field : shape.fields) {
      Json property = Of(field.shape);
      property["description"] = field.doc;
      if (IsLiteral(field.fallback)) property["default"] = Fallback(field);
      schema["properties"][field.key] = std::move(property);
      if (field.required) required.push_back(field.key);
    }
    if (!required.empty()) schema["required"] = std::move(required);
    schema["additionalProperties"] = false;
    for (const std::string& key : shape.exactly_one) {
      schema["oneOf"].push_back({{"required", {key}}});
    }
    return schema;
  }

  static Json Fallback(const Field& field) {
    const std::string_view type =
        field.shape.kind == Shape::Kind::kScalar ? field.shape.scalar->json_type : "string";
    if (type == "boolean") return field.fallback == "true";
    if (type == "string") return field.fallback;
    int number = 0;
    std::from_chars(field.fallback.data(), field.fallback.data() + field.fallback.size(), number);
    return number;
  }

  Json defs_ = Json::object();
};

}  // namespace

std::string JsonSchema() {
  SchemaWriter writer;
  Json any = Json::array();
  const auto add = [&](const Shape& shape) { any.push_back(writer.Of(shape)); };
  add(EstateShape());
  for (const Shape* job : {&IntegrationShape(), &DagShape()}) {
    add(OneOf("", {*job, InstanceShape(), ListOf(OneOf("", {*job, InstanceShape()}))}));
  }
  add(ModelShape());
  add(TemplateShape());
  const Json schema = {
      {"$schema", "https://json-schema.org/draft/2020-12/schema"},
      {"title", "afluente estate"},
      {"description", "estate.yaml, or a file of integrations/, models/, dags/ or templates/"},
      {"anyOf", std::move(any)},
      {"$defs", writer.TakeDefs()}};
  return schema.dump(2) + "\n";
}

}  // namespace afluente::estate
