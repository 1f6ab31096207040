// Names people type: the nearest valid one, and quoting for SQL.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace afluente {

/// The candidate with the smallest edit distance to `name` if it is close
/// enough to be a slip of the keyboard (at most a third of its letters, at
/// least 1), else "". Case is ignored. Cost: O(candidates x length^2).
std::string_view NearestName(std::string_view name, std::span<const std::string> candidates);

/// " (did you mean "urns"?)", or "" when nothing is near.
std::string DidYouMean(std::string_view name, std::span<const std::string> candidates);

/// "a""b": an SQL identifier, quoted for PostgreSQL, DuckDB and SQLite alike.
std::string QuoteIdentifier(std::string_view name);

/// 'it''s': an SQL string literal (standard_conforming_strings).
std::string QuoteLiteral(std::string_view text);

}  // namespace afluente
