#include "estate/template_text.h"

#include <cctype>
#include <optional>
#include <utility>

#include "base/names.h"
#include "estate/utf8.h"

namespace afluente::estate {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool IsName(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '.') return false;
  }
  return std::isdigit(static_cast<unsigned char>(text.front())) == 0;
}

// What stands in ref(...), without its quotes; nothing when it is no ref.
std::optional<std::string_view> RefArgument(std::string_view inner) {
  if (!inner.starts_with("ref")) return {};
  inner = Trim(inner.substr(3));
  if (inner.size() < 2 || inner.front() != '(' || inner.back() != ')') return {};
  inner = Trim(inner.substr(1, inner.size() - 2));
  const bool quoted = inner.size() >= 2 && inner.front() == inner.back() &&
                      (inner.front() == '\'' || inner.front() == '"');
  return quoted ? std::optional(inner.substr(1, inner.size() - 2)) : std::nullopt;
}

std::string Cure() {
  return "expected a name such as {{ interval.start }}, or {{ ref('project.dataset.table') }}";
}

// Reads one {{ ... }} into `found`.
void ReadPart(std::string_view whole, std::size_t offset, TemplateParts& found) {
  if (!whole.ends_with(kClose) || whole.size() < kOpen.size() + kClose.size()) {
    found.problems.push_back({offset, "{{ is not closed: add }}"});
    return;
  }
  const std::string_view inner =
      Trim(whole.substr(kOpen.size(), whole.size() - kOpen.size() - kClose.size()));
  TemplatePart part{.name = "", .ref = {}, .offset = offset, .length = whole.size()};
  if (const auto argument = RefArgument(inner)) {
    auto table = ParseTableAddress(std::string(*argument));
    if (!table.ok()) {
      found.problems.push_back({offset, "ref: " + table.error().message()});
      return;
    }
    part.ref = std::move(table).value();
  } else if (IsName(inner)) {
    part.name = inner;
  } else {
    found.problems.push_back({offset, Quoted(whole) + " is no template: " + Cure()});
    return;
  }
  found.parts.push_back(std::move(part));
}

// Braces in a literal are text, unless they would be a template anywhere else.
void CheckLiteral(const SqlPiece& piece, TemplateParts& found) {
  std::size_t at = 0;
  while ((at = piece.text.find(kOpen, at)) != std::string_view::npos) {
    const std::size_t close = piece.text.find(kClose, at);
    if (close == std::string_view::npos) return;
    const std::string_view whole = piece.text.substr(at, close + kClose.size() - at);
    TemplateParts inside;
    ReadPart(whole, piece.offset + at, inside);
    if (!inside.parts.empty()) {
      found.problems.push_back(
          {piece.offset + at, std::string(whole) + " stands in quotes, where it is only text: "
                                                   "remove the quotes, values bring their own"});
    }
    at = close;
  }
}

std::string SqlValue(const TemplateValue& value) {
  switch (value.kind) {
    case TemplateValue::Kind::kText:
      return QuoteLiteral(value.text);
    case TemplateValue::Kind::kTimestamp:
      return "CAST(" + QuoteLiteral(value.text) + " AS TIMESTAMPTZ)";
    case TemplateValue::Kind::kNumber:
      return value.text;
  }
  return "NULL";
}

Error At(std::string_view text, std::size_t offset, const std::string& message) {
  const Mark mark = TextPlaces(text).MarkAtOffset("", offset);
  return {ErrorKind::kInvalidConfig, "line " + std::to_string(mark.line) + ", column " +
                                         std::to_string(mark.column) + ": " + message};
}

std::string RefText(const TableAddress& table, Quoting quoting) {
  if (quoting == Quoting::kPlain) return table.ToString();
  return QuoteIdentifier(table.project) + "." + QuoteIdentifier(table.dataset) + "." +
         QuoteIdentifier(table.table);
}

}  // namespace

TemplateParts References(std::string_view text, Quoting quoting) {
  TemplateParts found;
  if (quoting == Quoting::kSql) {
    for (const SqlPiece& piece : SqlPieces(text)) {
      if (piece.kind == SqlPiece::Kind::kTemplate) ReadPart(piece.text, piece.offset, found);
      const bool holds_text = piece.kind == SqlPiece::Kind::kLiteral ||
                              piece.kind == SqlPiece::Kind::kName ||
                              piece.kind == SqlPiece::Kind::kBackquoted;
      if (holds_text) CheckLiteral(piece, found);
    }
    return found;
  }
  std::size_t at = 0;
  while ((at = text.find(kOpen, at)) != std::string_view::npos) {
    const std::size_t close = text.find(kClose, at);
    const std::size_t end = close == std::string_view::npos ? text.size() : close + kClose.size();
    ReadPart(text.substr(at, end - at), at, found);
    at = end;
  }
  return found;
}

Result<MadeText> RenderMade(std::string_view text, const TemplateValues& values, Quoting quoting) {
  const TemplateParts found = References(text, quoting);
  if (!found.problems.empty()) {
    return At(text, found.problems.front().offset, found.problems.front().message);
  }
  MadeText made;
  std::size_t at = 0;
  for (const TemplatePart& part : found.parts) {
    made.Copy(text.substr(at, part.offset - at), at);
    at = part.offset + part.length;
    if (part.ref) {
      made.Append(RefText(*part.ref, quoting), part.offset);
      continue;
    }
    const auto value = values.find(part.name);
    if (value == values.end()) {
      std::vector<std::string> names;
      std::string known;
      for (const auto& [name, ignored] : values) {
        names.push_back(name);
        known += (known.empty() ? "" : ", ") + name;
      }
      return At(text, part.offset,
                "nothing here has the name " + Quoted(part.name) +
                    (known.empty() ? "; there are no values here" : "; expected one of " + known) +
                    DidYouMean(part.name, names));
    }
    made.Append(quoting == Quoting::kSql ? SqlValue(value->second) : value->second.text,
                part.offset);
  }
  made.Copy(text.substr(at), at);
  return made;
}

Result<std::string> Render(std::string_view text, const TemplateValues& values, Quoting quoting) {
  AFL_ASSIGN(MadeText made, RenderMade(text, values, quoting));
  return std::move(made.text);
}

}  // namespace afluente::estate
