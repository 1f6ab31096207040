// An SQL text cut where its meaning changes: code, literals, quoted names, comments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace afluente::estate {

struct SqlPiece {
  enum class Kind : std::uint8_t {
    kCode,        // Everything else: keywords, names, numbers, blanks, operators.
    kLiteral,     // 'it''s', E'it\'s', $tag$ ... $tag$
    kName,        // "a name"
    kBackquoted,  // `a name`, as GoogleSQL quotes them
    kComment,     // -- to the end of the line, or /* ... */, which may be nested
    kTemplate,    // {{ ... }}
  };
  Kind kind = Kind::kCode;
  std::string_view text;
  std::size_t offset = 0;  // Of `text` in the whole, in bytes.
};

/// Cuts `sql` into pieces that together are `sql`. What is not closed reaches to the end.
/// The pieces borrow from `sql`. Pure.
std::vector<SqlPiece> SqlPieces(std::string_view sql);

/// A text that was made of another one, and where each part of it came from.
struct MadeText {
  std::string text;

  /// Appends a part of the other text, from `offset` on, as it is.
  void Copy(std::string_view part, std::size_t offset) {
    if (part.empty()) return;
    parts.push_back({text.size(), offset, true});
    text += part;
  }
  /// Appends what the part of the other text at `offset` became.
  void Append(std::string_view part, std::size_t offset) {
    parts.push_back({text.size(), offset, false});
    text += part;
  }
  /// The offset in the other text of what became the byte at `at`.
  std::size_t CameFrom(std::size_t at) const;

  struct Part {
    std::size_t at = 0;
    std::size_t offset = 0;
    bool is_copy = false;
  };
  std::vector<Part> parts;
};

/// Names as GoogleSQL writes them, in double quotes: `p.d.t` becomes "p"."d"."t", any other
/// backquoted name one name, and behind FROM and JOIN a project's name with dashes needs no
/// quotes. A semicolon at the end is dropped. Literals and comments stay as they are. Pure.
MadeText WithQuotedNames(std::string_view sql);

}  // namespace afluente::estate
