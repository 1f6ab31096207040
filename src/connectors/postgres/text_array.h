// PostgreSQL's text of arrays: {1,NULL,"a, \"b\""}.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "connectors/postgres/array_limits.h"
#include "connectors/postgres/cell_decoder.h"

namespace afluente::postgres {

/// The elements of one array literal in storage order. Borrows the text.
///
/// Source  PostgreSQL src/backend/utils/adt/arrayfuncs.c, array_out: an element
///         is quoted when it is empty, spells NULL, or holds a blank, a quote, a
///         backslash, a brace or the delimiter; inside quotes a backslash stands
///         before quotes and backslashes.
/// Safety  Reads nothing outside the text, whatever it is.
class ArrayText {
 public:
  struct Element {
    std::string_view bytes = "";  // Between the quotes, if there are any.
    bool is_null = false;         // NULL without quotes.
    bool is_escaped = false;      // `bytes` still holds backslashes to be taken out.
  };

  ArrayText(std::string_view text, char delimiter)
      : next_(text.data()), end_(text.data() + text.size()), delimiter_(delimiter) {}

  /// Checks the whole literal and counts its elements, before they are read.
  /// Errors: kArrayShape for another number of dimensions than `declared` or a
  /// lower bound other than 1; kMalformed for what is no array, or a ragged one.
  Fault Measure(std::size_t declared);

  /// The length of each dimension; none for an empty array.
  std::span<const std::size_t> lengths() const { return std::span(lengths_).first(dimensions_); }

  /// The next element. Only as often as `lengths` say, after Measure.
  Element Next();

 private:
  /// Takes the element that begins here; false when there is none or it does not end.
  bool TakeElement(Element& element);
  bool TakeQuoted(Element& element);

  const char* next_;
  const char* const end_;
  const char delimiter_;
  std::size_t dimensions_ = 0;
  std::array<std::size_t, kArrayDimensionsMax> lengths_ = {};
};

}  // namespace afluente::postgres
