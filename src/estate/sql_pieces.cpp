#include "estate/sql_pieces.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/names.h"
#include "estate/estate.h"

namespace afluente::estate {
namespace {

using Kind = SqlPiece::Kind;

bool IsWordCharacter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '_' || byte >= 0x80;
}

// Behind the closing `quote` of what opens at `from`; a doubled one does not close.
std::size_t EndOfQuoted(std::string_view sql, std::size_t from, char quote, bool backslashes) {
  for (std::size_t i = from + 1; i < sql.size(); ++i) {
    if (backslashes && sql[i] == '\\') {
      ++i;
    } else if (sql[i] == quote) {
      if (i + 1 < sql.size() && sql[i + 1] == quote) {
        ++i;
      } else {
        return i + 1;
      }
    }
  }
  return sql.size();
}

std::size_t EndOfBlockComment(std::string_view sql, std::size_t from) {
  int depth = 0;
  for (std::size_t i = from; i + 1 < sql.size(); ++i) {
    const std::string_view pair = sql.substr(i, 2);
    if (pair == "/*") {
      ++depth;
      ++i;
    } else if (pair == "*/") {
      ++i;
      if (--depth == 0) return i + 1;
    }
  }
  return sql.size();
}

// Of $tag$ ... $tag$; nothing where the dollar opens none, as in $1.
std::optional<std::size_t> EndOfDollarQuoted(std::string_view sql, std::size_t from) {
  std::size_t end = from + 1;
  if (end < sql.size() && std::isdigit(static_cast<unsigned char>(sql[end])) != 0) return {};
  while (end < sql.size() && IsWordCharacter(sql[end])) ++end;
  if (end == sql.size() || sql[end] != '$') return {};
  const std::string_view tag = sql.substr(from, end - from + 1);
  const std::size_t close = sql.find(tag, end + 1);
  return close == std::string_view::npos ? sql.size() : close + tag.size();
}

struct Special {
  Kind kind = Kind::kCode;
  std::size_t end = 0;
};

// What begins at `at`, if it is not code.
std::optional<Special> SpecialAt(std::string_view sql, std::size_t at) {
  const char c = sql[at];
  const bool in_word = at > 0 && IsWordCharacter(sql[at - 1]);
  const std::string_view pair = sql.substr(at, 2);
  if (c == '\'') {
    const bool has_e = at > 0 && (sql[at - 1] == 'E' || sql[at - 1] == 'e') &&
                       (at == 1 || !IsWordCharacter(sql[at - 2]));
    return Special{Kind::kLiteral, EndOfQuoted(sql, at, '\'', has_e)};
  }
  if (c == '"') return Special{Kind::kName, EndOfQuoted(sql, at, '"', false)};
  if (c == '`') return Special{Kind::kBackquoted, EndOfQuoted(sql, at, '`', false)};
  if (pair == "--") return Special{Kind::kComment, std::min(sql.find('\n', at), sql.size())};
  if (pair == "/*") return Special{Kind::kComment, EndOfBlockComment(sql, at)};
  if (pair == "{{") {
    const std::size_t close = sql.find("}}", at);
    return Special{Kind::kTemplate, close == std::string_view::npos ? sql.size() : close + 2};
  }
  if (c == '$' && !in_word) {
    if (const auto end = EndOfDollarQuoted(sql, at)) return Special{Kind::kLiteral, *end};
  }
  return {};
}

// The name with dashes, dataset and table that begin at the front of `code`; 0: none do.
std::size_t DashedPathLength(std::string_view code) {
  std::size_t dots = 0;
  bool has_dash = false;
  std::size_t i = 0;
  for (; i < code.size(); ++i) {
    if (code[i] == '.') {
      ++dots;
    } else if (code[i] == '-' && dots == 0) {
      has_dash = true;
    } else if (!IsWordCharacter(code[i])) {
      break;
    }
  }
  return has_dash && dots == 2 && ParseTableAddress(std::string(code.substr(0, i))).ok() ? i : 0;
}

std::string QuotedPath(const TableAddress& table) {
  return QuoteIdentifier(table.project) + "." + QuoteIdentifier(table.dataset) + "." +
         QuoteIdentifier(table.table);
}

std::string QuotedBackquoted(std::string_view piece) {
  std::string name(
      piece.substr(1, piece.size() - (piece.size() > 1 && piece.back() == '`' ? 2 : 1)));
  const auto table = ParseTableAddress(name);
  return table.ok() ? QuotedPath(table.value()) : QuoteIdentifier(name);
}

bool SameWord(std::string_view word, std::string_view keyword) {
  return std::equal(word.begin(), word.end(), keyword.begin(), keyword.end(), [](char a, char b) {
    return std::toupper(static_cast<unsigned char>(a)) == b;
  });
}

// Code, word by word; `expects_table` remembers over pieces that FROM or JOIN came last.
void AppendCode(const SqlPiece& piece, bool& expects_table, MadeText& made) {
  std::size_t i = 0;
  while (i < piece.text.size()) {
    const std::string_view rest = piece.text.substr(i);
    std::size_t length = 1;
    if (IsWordCharacter(rest.front())) {
      const std::size_t path = expects_table ? DashedPathLength(rest) : 0;
      if (path > 0) {
        made.Append(QuotedPath(ParseTableAddress(std::string(rest.substr(0, path))).value()),
                    piece.offset + i);
        expects_table = false;
        i += path;
        continue;
      }
      while (length < rest.size() && IsWordCharacter(rest[length])) ++length;
      const std::string_view word = rest.substr(0, length);
      expects_table = SameWord(word, "FROM") || SameWord(word, "JOIN");
    } else if (std::isspace(static_cast<unsigned char>(rest.front())) == 0) {
      expects_table = false;
    }
    made.Copy(rest.substr(0, length), piece.offset + i);
    i += length;
  }
}

// Where the last semicolon stands if only blanks and comments follow it.
std::size_t LastSemicolon(const std::vector<SqlPiece>& pieces) {
  for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
    if (piece->kind == Kind::kComment) continue;
    const std::size_t last = piece->text.find_last_not_of(" \t\r\n");
    if (last == std::string_view::npos) continue;
    const bool ends = piece->kind == Kind::kCode && piece->text[last] == ';';
    return ends ? piece->offset + last : std::string_view::npos;
  }
  return std::string_view::npos;
}

}  // namespace

std::size_t MadeText::CameFrom(std::size_t at) const {
  const auto behind =
      std::upper_bound(parts.begin(), parts.end(), at,
                       [](std::size_t wanted, const Part& part) { return wanted < part.at; });
  if (behind == parts.begin()) return 0;
  const Part& part = *std::prev(behind);
  return part.offset + (part.is_copy ? at - part.at : 0);
}

std::vector<SqlPiece> SqlPieces(std::string_view sql) {
  std::vector<SqlPiece> pieces;
  std::size_t code_from = 0;
  const auto end_code = [&](std::size_t at) {
    if (at > code_from)
      pieces.push_back({Kind::kCode, sql.substr(code_from, at - code_from), code_from});
  };
  std::size_t at = 0;
  while (at < sql.size()) {
    const auto special = SpecialAt(sql, at);
    if (!special) {
      ++at;
      continue;
    }
    end_code(at);
    pieces.push_back({special->kind, sql.substr(at, special->end - at), at});
    at = code_from = special->end;
  }
  end_code(sql.size());
  return pieces;
}

MadeText WithQuotedNames(std::string_view sql) {
  MadeText made;
  const std::vector<SqlPiece> pieces = SqlPieces(sql);
  const std::size_t semicolon = LastSemicolon(pieces);
  bool expects_table = false;
  for (const SqlPiece& piece : pieces) {
    if (piece.kind == Kind::kComment) {
      made.Copy(piece.text, piece.offset);
    } else if (piece.kind == Kind::kCode) {
      const bool holds_end =
          semicolon >= piece.offset && semicolon - piece.offset < piece.text.size();
      const std::size_t end = holds_end ? semicolon - piece.offset : piece.text.size();
      AppendCode({piece.kind, piece.text.substr(0, end), piece.offset}, expects_table, made);
      if (holds_end) made.Copy(piece.text.substr(end + 1), semicolon + 1);
    } else {
      expects_table = false;
      if (piece.kind == Kind::kBackquoted) {
        made.Append(QuotedBackquoted(piece.text), piece.offset);
      } else {
        made.Copy(piece.text, piece.offset);
      }
    }
  }
  return made;
}

}  // namespace afluente::estate
