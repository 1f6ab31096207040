#include "connectors/postgres/text_array.h"

namespace afluente::postgres {

bool ArrayText::TakeQuoted(Element& element) {
  const char* const first = next_ + 1;
  bool escaped = false;
  for (const char* next = first; next != end_; ++next) {
    if (*next == '"') {
      element = {{first, static_cast<std::size_t>(next - first)}, false, escaped};
      next_ = next + 1;
      return true;
    }
    if (*next == '\\') {
      escaped = true;
      if (++next == end_) return false;
    }
  }
  return false;
}

bool ArrayText::TakeElement(Element& element) {
  if (next_ == end_) return false;
  if (*next_ == '"') return TakeQuoted(element);
  const char* next = next_;
  for (; next != end_ && *next != delimiter_ && *next != '}'; ++next) {
    if (*next == '"' || *next == '\\' || *next == '{') return false;
  }
  const std::string_view bytes(next_, static_cast<std::size_t>(next - next_));
  element = {bytes, bytes == "NULL", false};
  next_ = next;
  return !bytes.empty();
}

Fault ArrayText::Measure(std::size_t declared) {
  const char* const first = next_;
  const std::string_view text(first, static_cast<std::size_t>(end_ - first));
  if (text == "{}") return Fault::kNone;
  // "[0:1]={1,2}": bounds are printed only when one of them is not 1.
  if (text.starts_with('[')) return Fault::kArrayShape;
  std::array<std::size_t, kArrayDimensionsMax> counts = {};
  std::size_t depth = 0;
  Element element;
  while (next_ != end_) {
    if (*next_ == '{') {
      if (depth == declared || depth == kArrayDimensionsMax) return Fault::kArrayShape;
      counts[depth++] = 0;
      ++next_;
      continue;
    }
    if (depth == 0 || !TakeElement(element)) return Fault::kMalformed;
    if (depth != declared) return Fault::kArrayShape;
    // An element has ended, and with it perhaps the arrays that it stands in.
    for (bool ended = true; ended;) {
      std::size_t& count = counts[depth - 1];
      ++count;
      if (next_ == end_) return Fault::kMalformed;
      ended = *next_ == '}';
      if (!ended && *next_ != delimiter_) return Fault::kMalformed;
      ++next_;
      if (!ended) break;
      std::size_t& length = lengths_[--depth];
      if (length != 0 && length != count) return Fault::kMalformed;
      length = count;
      if (depth > 0) continue;
      if (next_ != end_) return Fault::kMalformed;
      dimensions_ = declared;
      next_ = first;
      return Fault::kNone;
    }
  }
  return Fault::kMalformed;
}

ArrayText::Element ArrayText::Next() {
  Element element;
  while (next_ != end_ && (*next_ == '{' || *next_ == '}' || *next_ == delimiter_)) ++next_;
  TakeElement(element);
  return element;
}

}  // namespace afluente::postgres
