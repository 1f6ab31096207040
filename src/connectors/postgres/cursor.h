// Incremental reading: which rows lie behind a stored cursor.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/catalog.h"
#include "data/position.h"
#include "estate/estate.h"

namespace afluente::postgres {

/// A row's cursor columns as PostgreSQL text, in the integration's order.
using CursorValues = std::vector<std::string>;

/// The cursor of one integration over one relation.
class Cursor {
 public:
  /// Errors: kNotFound when a cursor column does not exist, kInvalidConfig for
  /// a lookback over a column that is no time.
  static Result<Cursor> Make(const estate::Integration& integration,
                             const std::vector<CatalogColumn>& columns);

  /// Reads a stored position. nullopt: stored before there was any row.
  /// Errors: kInternal with the cure when it is not a position of this cursor.
  Result<std::optional<CursorValues>> Parse(const data::Position& position) const;
  /// Why a stored position cannot be used, with the cure.
  static Error Unusable(std::string_view why);
  data::Position ToPosition(const std::optional<CursorValues>& values) const;

  /// The greatest cursor among the rows of `from_where` ("FROM t WHERE ...").
  Result<std::optional<CursorValues>> Greatest(PGconn* connection,
                                               const std::string& from_where) const;

  /// A condition for rows behind `from`.
  std::string After(const CursorValues& from) const;
  /// A condition for rows in (from - lookback, end].
  std::string Between(const CursorValues& from, const CursorValues& end) const;

  bool has_lookback() const { return lookback_ms_ > 0; }
  /// Names of cursor columns that may be NULL: such rows are only seen by a full read.
  std::vector<std::string> NullableColumns() const;

 private:
  std::string Row() const;                              // ("a", "b")
  std::string RowOf(const CursorValues& values) const;  // ('x'::t, 'y'::u)

  std::vector<CatalogColumn> columns_;
  long long lookback_ms_ = 0;
};

}  // namespace afluente::postgres
