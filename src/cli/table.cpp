#include "cli/table.h"

#include <algorithm>
#include <cstdint>

namespace afluente::cli {
namespace {

// The code point at `at`, which moves behind it. Invalid bytes count as themselves.
char32_t NextCodePoint(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
  char32_t point = more == 0 ? lead : lead & (0x3fU >> static_cast<unsigned>(more));
  for (int i = 0; i < more && at < text.size(); ++i) {
    point = point << 6U | (static_cast<unsigned char>(text[at++]) & 0x3fU);
  }
  return point;
}

// Source: Unicode EastAsianWidth.txt and DerivedGeneralCategory.txt, the blocks
// that messages of people contain.
std::size_t WidthOf(char32_t point) {
  const bool combining = (point >= 0x300 && point <= 0x36f) ||
                         (point >= 0x200b && point <= 0x200f) ||
                         (point >= 0xfe00 && point <= 0xfe0f) || point == 0x20e3;
  if (combining) return 0;
  const bool wide = (point >= 0x1100 && point <= 0x115f) || (point >= 0x2e80 && point <= 0xa4cf) ||
                    (point >= 0xac00 && point <= 0xd7a3) || (point >= 0xf900 && point <= 0xfaff) ||
                    (point >= 0xff00 && point <= 0xff60) || (point >= 0x1f300 && point <= 0x1faff);
  return wide ? 2 : 1;
}

// Control characters would move the cursor; DEL and C0 show as a space.
std::string Clean(std::string_view text) {
  std::string clean(text);
  std::replace_if(
      clean.begin(), clean.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return clean;
}

std::string Shorten(std::string text, std::size_t width_max) {
  if (DisplayWidth(text) <= width_max) return text;
  std::size_t width = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t next = at;
    width += WidthOf(NextCodePoint(text, next));
    if (width >= width_max) break;
    at = next;
  }
  return text.substr(0, at) + "…";
}

std::string Pad(const std::string& text, std::size_t width, Align align) {
  const std::size_t own = DisplayWidth(text);
  const std::string blanks(width > own ? width - own : 0, ' ');
  return align == Align::kRight ? blanks + text : text + blanks;
}

std::string TrimRight(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

std::size_t DisplayWidth(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) width += WidthOf(NextCodePoint(text, at));
  return width;
}

std::string Table::ToString(std::size_t cell_width_max) const {
  std::vector<std::vector<std::string>> cells;
  cells.emplace_back();
  for (const Heading& heading : headings_) cells.front().push_back(heading.text);
  for (const auto& row : rows_) {
    auto& shown = cells.emplace_back();
    for (const std::string& cell : row) shown.push_back(Shorten(Clean(cell), cell_width_max));
  }
  std::vector<std::size_t> widths(headings_.size(), 0);
  for (const auto& row : cells) {
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  std::string text;
  for (std::size_t r = 0; r < cells.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < cells[r].size(); ++i) {
      line += (i == 0 ? "" : "  ") + Pad(cells[r][i], widths[i], headings_[i].align);
    }
    text += TrimRight(std::move(line)) + "\n";
    if (r != 0) continue;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      text += i == 0 ? "" : "  ";
      for (std::size_t n = 0; n < widths[i]; ++n) text += "─";
    }
    text += "\n";
  }
  return text;
}

}  // namespace afluente::cli
