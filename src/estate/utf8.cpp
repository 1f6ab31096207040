#include "estate/utf8.h"

#include <algorithm>

#include "estate/yaml.h"

namespace afluente::estate {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

unsigned char ByteAt(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

std::string Hex(unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return {'0', 'x', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
}

}  // namespace

std::size_t Utf8Length(std::string_view text, std::size_t at) {
  const unsigned char first = ByteAt(text, at);
  if (first < 0x80) return 1;
  std::size_t length = 0;
  unsigned char low = 0x80;   // The range of the second byte keeps out overlong forms,
  unsigned char high = 0xBF;  // surrogates and what lies above U+10FFFF.
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (at + length > text.size()) return 0;
  if (ByteAt(text, at + 1) < low || ByteAt(text, at + 1) > high) return 0;
  for (std::size_t i = at + 2; i < at + length; ++i) {
    if (ByteAt(text, i) < 0x80 || ByteAt(text, i) > 0xBF) return 0;
  }
  return length;
}

std::optional<TextProblem> FindTextProblem(std::string_view text) {
  if (text.size() > kFileBytesMax) {
    return TextProblem{kWholeFile, "the file is larger than 1 MiB: split it"};
  }
  std::size_t line_start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const unsigned char byte = ByteAt(text, at);
    if (byte == '\n') line_start = at + 1;
    if (at - line_start > kLineBytesMax && byte != '\n') {
      return TextProblem{line_start, "the line is longer than 64 KiB: break it"};
    }
    if (byte == 0) {
      return TextProblem{at, "a NUL byte: the file is not text in UTF-8; save it as UTF-8"};
    }
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F) {
      return TextProblem{at, "a control character (" + Hex(byte) + "): remove it"};
    }
    const std::size_t length = Utf8Length(text, at);
    if (length == 0) {
      return TextProblem{at, "the byte " + Hex(byte) + " is not UTF-8: save the file as UTF-8"};
    }
    at += length;
  }
  return std::nullopt;
}

std::string_view WithoutByteOrderMark(std::string_view text) {
  return text.starts_with(kByteOrderMark) ? text.substr(kByteOrderMark.size()) : text;
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kCharactersMax = 60;
  std::string quoted = "\"";
  std::size_t characters = 0;
  for (std::size_t at = 0; at < text.size(); ++characters) {
    if (characters == kCharactersMax) {
      quoted += "...";
      break;
    }
    const std::size_t length = std::max<std::size_t>(1, Utf8Length(text, at));
    const bool printable = length > 1 || (ByteAt(text, at) >= 0x20 && ByteAt(text, at) < 0x7F);
    quoted += printable ? text.substr(at, length) : std::string_view(" ");
    at += length;
  }
  return quoted + "\"";
}

TextPlaces::TextPlaces(std::string_view text) : text_(text) {
  line_starts_.push_back(0);
  for (std::size_t at = 0; at < text_.size(); ++at) {
    if (text_[at] == '\n') line_starts_.push_back(at + 1);
  }
}

Mark TextPlaces::MarkAtOffset(FileName file, std::size_t offset) {
  const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const auto line = static_cast<std::size_t>(next - line_starts_.begin()) - 1;
  return MarkAt(file, static_cast<int>(line), static_cast<int>(offset - line_starts_[line]));
}

Mark TextPlaces::MarkAt(FileName file, int line, int byte_column) {
  const std::size_t last = line_starts_.size() - 1;
  const auto index = std::min(static_cast<std::size_t>(std::max(line, 0)), last);
  const std::string_view rest = text_.substr(line_starts_[index]);
  const auto byte = std::min(static_cast<std::size_t>(std::max(byte_column, 0)), rest.size());
  if (index != last_line_ || byte < last_byte_) {
    last_line_ = index;
    last_byte_ = 0;
    last_column_ = 1;
  }
  for (; last_byte_ < byte; ++last_byte_) {
    if ((ByteAt(rest, last_byte_) & 0xC0U) != 0x80U) ++last_column_;
  }
  return {.file = file, .line = static_cast<int>(index) + 1, .column = last_column_};
}

std::string_view TextPlaces::LineAt(int line) const {
  const auto index = static_cast<std::size_t>(std::max(line, 0));
  if (index >= line_starts_.size()) return "";
  const std::string_view rest = text_.substr(line_starts_[index]);
  return rest.substr(0, rest.find('\n'));
}

}  // namespace afluente::estate
