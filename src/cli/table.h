// Aligned columns on a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace afluente::cli {

enum class Align : std::uint8_t { kLeft, kRight };

/// Rows of text under a header. Widths count characters as a terminal shows
/// them (UTF-8; wide letters and emoji take two cells).
class Table {
 public:
  struct Heading {
    std::string text;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Heading> headings) : headings_(std::move(headings)) {}

  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  /// Header, rule and rows, each line ending in '\n'. Cells longer than
  /// `cell_width_max` end in an ellipsis; line breaks show as a space.
  std::string ToString(std::size_t cell_width_max = 60) const;

 private:
  std::vector<Heading> headings_;
  std::vector<std::vector<std::string>> rows_;
};

/// How many terminal cells `text` takes.
std::size_t DisplayWidth(std::string_view text);

}  // namespace afluente::cli
