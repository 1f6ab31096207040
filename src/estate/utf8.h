// The bytes of a file before YAML sees them: are they text, and where is an offset in it?
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "estate/estate.h"

namespace afluente::estate {

inline constexpr std::size_t kWholeFile = static_cast<std::size_t>(-1);

struct TextProblem {
  std::size_t offset = 0;  // kWholeFile: no particular place.
  std::string message;
};

/// The first reason why `text` is not fit for a parser: too large, a line too
/// long, not UTF-8, or a control character (yaml-cpp ends at \x04 in silence).
std::optional<TextProblem> FindTextProblem(std::string_view text);

std::string_view WithoutByteOrderMark(std::string_view text);

/// The bytes that the well-formed UTF-8 character at `at` takes; 0: malformed.
std::size_t Utf8Length(std::string_view text, std::size_t at);

/// `text` in double quotes, fit for a message: at most 60 characters, on one line.
std::string Quoted(std::string_view text);

/// Turns byte positions of a text into places as editors count them: lines and
/// characters from 1. Keeps a view of the text. Not for several threads: it
/// remembers its last answer, which makes questions in rising order cheap.
class TextPlaces {
 public:
  explicit TextPlaces(std::string_view text);

  Mark MarkAtOffset(FileName file, std::size_t offset);
  /// From yaml-cpp's line and byte column, both counted from 0.
  Mark MarkAt(FileName file, int line, int byte_column);
  /// The line without its end; counted from 0.
  std::string_view LineAt(int line) const;

 private:
  std::string_view text_;
  std::vector<std::size_t> line_starts_;
  std::size_t last_line_ = 0;
  std::size_t last_byte_ = 0;
  int last_column_ = 1;
};

}  // namespace afluente::estate
