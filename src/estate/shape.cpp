#include "estate/shape.h"

#include <utility>

namespace afluente::estate {

bool IsLiteral(const std::string& fallback) {
  return !fallback.empty() && fallback.find(' ') == std::string::npos;
}

Shape Scalar(const ScalarKind& kind) {
  Shape shape;
  shape.kind = Shape::Kind::kScalar;
  shape.scalar = &kind;
  return shape;
}

Shape Words(std::string name, std::vector<WordDoc> words) {
  Shape shape;
  shape.kind = Shape::Kind::kWords;
  shape.name = std::move(name);
  shape.words = std::move(words);
  return shape;
}

Shape Object(std::string name, std::vector<Field> fields, std::vector<std::string> exactly_one) {
  Shape shape;
  shape.kind = Shape::Kind::kObject;
  shape.name = std::move(name);
  shape.fields = std::move(fields);
  shape.exactly_one = std::move(exactly_one);
  return shape;
}

Shape MapOf(const ScalarKind& keys, Shape value) {
  Shape shape;
  shape.kind = Shape::Kind::kMap;
  shape.scalar = &keys;
  shape.parts.push_back(std::move(value));
  return shape;
}

Shape ListOf(Shape element) {
  Shape shape;
  shape.kind = Shape::Kind::kList;
  shape.parts.push_back(std::move(element));
  return shape;
}

Shape OneOf(std::string name, std::vector<Shape> alternatives) {
  Shape shape;
  shape.kind = Shape::Kind::kOneOf;
  shape.name = std::move(name);
  shape.parts = std::move(alternatives);
  return shape;
}

Shape Any(std::string what) {
  Shape shape;
  shape.kind = Shape::Kind::kAny;
  shape.words.push_back({std::move(what), ""});
  return shape;
}

Shape Partial(Shape object, std::string name) {
  object.name = std::move(name);
  object.exactly_one.clear();
  for (Field& field : object.fields) {
    field.required = false;
    field.fallback.clear();
  }
  return object;
}

std::vector<std::string> WordList(const Shape& words) {
  std::vector<std::string> list;
  for (const WordDoc& word : words.words) list.push_back(word.word);
  return list;
}

std::string JoinNames(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ", ") + name;
  return joined;
}

std::string Expected(const Shape& shape) {
  switch (shape.kind) {
    case Shape::Kind::kScalar:
      return std::string(shape.scalar->expected);
    case Shape::Kind::kWords:
      return (shape.words.size() == 1 ? "" : "one of ") + JoinNames(WordList(shape));
    case Shape::Kind::kObject: {
      std::vector<std::string> keys;
      for (const Field& field : shape.fields) keys.push_back(field.key);
      return "keys (" + JoinNames(keys) + ")";
    }
    case Shape::Kind::kMap:
      return "a map from " + std::string(shape.scalar->expected) + " to " +
             Expected(shape.parts.front());
    case Shape::Kind::kList:
      return "a list, each element " + Expected(shape.parts.front());
    case Shape::Kind::kAny:
      return shape.words.front().word;
    case Shape::Kind::kOneOf: {
      std::string expected;
      for (const Shape& part : shape.parts) {
        expected += (expected.empty() ? "" : ", or ") + Expected(part);
      }
      return expected;
    }
  }
  return "";
}

}  // namespace afluente::estate
