// The language in which the format of the estate is defined. One definition (format.cpp) gives the
// check of YAML (check.cpp), the JSON Schema (schema.cpp) and the reference page (reference.cpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "estate/words.h"

namespace afluente::estate {

/// A kind of single value. Rows of scalars.cpp; plain data.
struct ScalarKind {
  std::string_view name;      // Its name in the schema and on the reference page.
  std::string_view expected;  // Ends the sentence "expected ...".
  std::string_view doc;
  std::string_view example;
  std::string_view pattern;  // ECMAScript; what an editor can check. May admit more than `problem`.
  /// What is wrong with a text, for people; "" when it fits.
  std::string (*problem)(const std::string& text) = nullptr;
  std::string_view json_type = "string";
  bool references = false;  // ${env:...} is resolved here.
  bool secret = false;      // Its value never stands in a message.
  bool repeats = false;     // The same value may stand twice in a list.
};

struct Field;

struct WordDoc {
  std::string word;
  std::string doc;
};

/// What a value must look like.
struct Shape {
  enum class Kind : std::uint8_t {
    kScalar,
    kWords,   // One of some words.
    kObject,  // A map with known keys.
    kMap,     // A map with free keys.
    kList,
    kAny,    // Whatever it is; the only of `words` says what.
    kOneOf,  // `parts`, at most one of them a scalar or words, one a list; objects as PickObject.
  };
  Kind kind = Kind::kScalar;
  std::string name;                    // In the schema's $defs and as a heading; "": stands inline.
  const ScalarKind* scalar = nullptr;  // kScalar: the value; kMap: the keys.
  std::vector<WordDoc> words;          // kWords
  std::vector<Field> fields;           // kObject
  std::vector<std::string> exactly_one;  // kObject: exactly one of these keys is there.
  std::vector<Shape> parts;              // kMap, kList: the element; kOneOf: the alternatives.
};

struct Field {
  std::string key;
  Shape shape;
  std::string doc;
  bool required = false;
  std::string fallback;  // As people would write it, or in words where it depends; "": none.
};

/// Whether a fallback is a value rather than a description of one.
bool IsLiteral(const std::string& fallback);

Shape Scalar(const ScalarKind& kind);
Shape Words(std::string name, std::vector<WordDoc> words);
Shape Object(std::string name, std::vector<Field> fields,
             std::vector<std::string> exactly_one = {});
Shape MapOf(const ScalarKind& keys, Shape value);
Shape ListOf(Shape element);
Shape OneOf(std::string name, std::vector<Shape> alternatives);

/// Anything; `what` names it for people.
Shape Any(std::string what);

/// The same object with nothing required: for what overrides.
Shape Partial(Shape object, std::string name);

template <class E>
Shape WordsOf(std::string name) {
  std::vector<WordDoc> words;
  for (const Word<E>& word : kAll<E>) {
    words.push_back({std::string(word.word), std::string(word.doc)});
  }
  return Words(std::move(name), std::move(words));
}

/// The words of a kWords shape.
std::vector<std::string> WordList(const Shape& words);

/// "a, b, c".
std::string JoinNames(const std::vector<std::string>& names);

/// What people should write, for the end of "expected ...": "one of a, b", "a list of ...".
std::string Expected(const Shape& shape);

}  // namespace afluente::estate
