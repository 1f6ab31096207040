// A place in PostgreSQL's write-ahead log.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace afluente::postgres {

/// A byte position in the log. Source: PostgreSQL documentation, pg_lsn type.
struct Lsn {
  std::uint64_t value = 0;

  auto operator<=>(const Lsn&) const = default;
  /// "16/B374D848".
  std::string ToString() const;
  /// "00000016/B374D848": the same to PostgreSQL, and in order as text.
  std::string ToSortableString() const;
};

/// Parses "16/B374D848"; nullopt if it is not one.
std::optional<Lsn> ParseLsn(std::string_view text);

}  // namespace afluente::postgres
