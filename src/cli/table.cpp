#include "cli/table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

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

struct Range {
  char32_t first;
  char32_t last;
};

constexpr bool Contains(std::span<const Range> ranges, char32_t point) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    return point >= range.first && point <= range.last;
  });
}

// Source: Unicode EastAsianWidth.txt (W and F) and DerivedGeneralCategory.txt,
// the blocks that messages of people contain.
constexpr std::array kWide = {
    Range{0x1100, 0x115f},   Range{0x231a, 0x231b},   Range{0x23e9, 0x23ec},
    Range{0x23f0, 0x23f0},   Range{0x23f3, 0x23f3},   Range{0x25fd, 0x25fe},
    Range{0x2614, 0x2615},   Range{0x2648, 0x2653},   Range{0x267f, 0x267f},
    Range{0x2693, 0x2693},   Range{0x26a1, 0x26a1},   Range{0x26aa, 0x26ab},
    Range{0x26bd, 0x26be},   Range{0x26c4, 0x26c5},   Range{0x26ce, 0x26ce},
    Range{0x26d4, 0x26d4},   Range{0x26ea, 0x26ea},   Range{0x26f2, 0x26f3},
    Range{0x26f5, 0x26f5},   Range{0x26fa, 0x26fa},   Range{0x26fd, 0x26fd},
    Range{0x2705, 0x2705},   Range{0x270a, 0x270b},   Range{0x2728, 0x2728},
    Range{0x274c, 0x274c},   Range{0x274e, 0x274e},   Range{0x2753, 0x2755},
    Range{0x2757, 0x2757},   Range{0x2795, 0x2797},   Range{0x27b0, 0x27b0},
    Range{0x27bf, 0x27bf},   Range{0x2b1b, 0x2b1c},   Range{0x2b50, 0x2b50},
    Range{0x2b55, 0x2b55},   Range{0x2e80, 0x303e},   Range{0x3041, 0xa4cf},
    Range{0xac00, 0xd7a3},   Range{0xf900, 0xfaff},   Range{0xfe30, 0xfe6f},
    Range{0xff00, 0xff60},   Range{0xffe0, 0xffe6},   Range{0x1f18e, 0x1f18e},
    Range{0x1f191, 0x1f19a}, Range{0x1f200, 0x1f265}, Range{0x1f300, 0x1faff},
    Range{0x20000, 0x3fffd}};
constexpr std::array kCombining = {Range{0x300, 0x36f}, Range{0x200b, 0x200f},
                                   Range{0xfe00, 0xfe0f}, Range{0x20e3, 0x20e3}};

std::size_t WidthOf(char32_t point) {
  if (point < 0x300) return 1;
  if (Contains(kCombining, point)) return 0;
  return Contains(kWide, point) ? 2 : 1;
}

// Control characters would move the cursor: C0, DEL and C1 (U+0080 to U+009F)
// show as a space.
std::string Clean(std::string_view text) {
  std::string clean;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto next = static_cast<unsigned char>(at + 1 < text.size() ? text[at + 1] : 0);
    const bool is_c1 = byte == 0xc2 && next >= 0x80 && next <= 0x9f;
    if (is_c1) ++at;
    clean += is_c1 || byte < 0x20 || byte == 0x7f ? ' ' : static_cast<char>(byte);
  }
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
  for (const Heading& heading : headings_) cells.front().push_back(Clean(heading.text));
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
