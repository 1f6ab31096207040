// Texts with {{ ... }} in them: SQL of models, parameters of tasks.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "estate/estate.h"
#include "estate/sql_pieces.h"

namespace afluente::estate {

/// How values appear in the text.
enum class Quoting : std::uint8_t {
  kPlain,  // As they are.
  kSql,    // As SQL literals; literals and comments of the text are left alone.
};

struct TemplateValue {
  enum class Kind : std::uint8_t { kText, kTimestamp, kNumber };
  Kind kind = Kind::kText;
  std::string text;  // A time stamp as RFC 3339, a number as SQL writes it.
};

/// By name: "interval.start", "params.x", "env".
using TemplateValues = std::map<std::string, TemplateValue, std::less<>>;

/// What stands between the braces: a name, or ref('project.dataset.table').
struct TemplatePart {
  std::string name;  // "" for a ref.
  std::optional<TableAddress> ref;
  std::size_t offset = 0;  // Of the opening braces, in bytes.
  std::size_t length = 0;  // With both pairs of braces.
};

/// Something between braces that is nothing known, with its place in the text.
struct TemplateProblem {
  std::size_t offset = 0;
  std::string message;  // With the cure.
};

struct TemplateParts {
  std::vector<TemplatePart> parts;
  std::vector<TemplateProblem> problems;
};

/// Everything between double braces, in order. With kSql, what literals and comments hold is
/// text, but a template inside a literal is a problem: values bring their own quotes. Pure.
TemplateParts References(std::string_view text, Quoting quoting);

/// Puts the values in their places: with kSql 'text' in quotes, a time stamp as
/// CAST('...' AS TIMESTAMPTZ), a table as "project"."dataset"."table". Pure.
/// Errors: kInvalidConfig with line and column of the first problem or unknown name.
Result<std::string> Render(std::string_view text, const TemplateValues& values, Quoting quoting);

/// The same, with where each part came from.
Result<MadeText> RenderMade(std::string_view text, const TemplateValues& values, Quoting quoting);

}  // namespace afluente::estate
