// Which rows a shaping fails on: DuckDB says why a statement failed, not at which row.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/warehouse.h"
#include "data/batch.h"
#include "data/dead_letter.h"
#include "estate/estate.h"

namespace afluente::duck {

/// The shaping of an integration. Borrows.
struct RowShaping {
  Warehouse& warehouse;
  const estate::Integration& integration;
  /// The SELECT over `lane` that makes rows of the destination, as `integration`
  /// asks for it: the declared one, or a variant of it.
  std::function<std::string(const estate::Integration& integration, const std::string& lane)>
      select;
};

/// The rows of one reader in a temporary table, masked and nothing else: they can be
/// read again, and some of them taken out. Borrows; one at a time on a connection.
class CheckedRows {
 public:
  CheckedRows(const RowShaping& shaping, duckdb_connection connection, const data::Schema& schema);

  /// Reads them all; memory is the warehouse's, which spills.
  Status Stage(data::BatchReader& reader, std::size_t rows);
  /// The SELECT that makes rows of the destination of those that are there.
  std::string Select() const;
  /// The rows that Select fails on, by number, and why, the column first where it is
  /// known; not many more than `max` of them. Halves the rows until it has them.
  /// Errors: of a SELECT that fails without any row; kCancelled.
  Result<std::map<std::size_t, std::string>> FindBad(std::size_t max) const;
  /// Removes these rows. Returns what they were, with their text as DuckDB writes it.
  Result<std::vector<data::DeadLetter>> TakeOut(const std::map<std::size_t, std::string>& bad);

 private:
  using Found = std::map<std::size_t, std::string>;

  std::string SelectBetween(std::size_t first, std::size_t end) const;
  Status Try(const std::string& select) const;
  Status Search(std::size_t first, std::size_t end, std::size_t max, Found& found) const;
  std::string Why(std::size_t row, const Error& error) const;
  std::string KeyText() const;
  std::string RowText() const;

  const RowShaping& shaping_;
  const duckdb_connection connection_;
  const data::Schema& schema_;
  estate::Integration rest_;  // What is left to be done.
};

/// Whether no row of `reader` fails. On a connection of its own, so that an open
/// transaction outlives a failure.
Result<bool> AreRowsGood(const RowShaping& shaping, data::BatchReader& reader,
                         const data::Schema& schema, std::size_t rows);

/// CheckedRows::FindBad of `reader`, on a connection of its own.
/// Errors: of the reader; of a SELECT that fails without any row.
Result<std::map<std::size_t, std::string>> FindBadRows(const RowShaping& shaping,
                                                       data::BatchReader& reader,
                                                       const data::Schema& schema, std::size_t rows,
                                                       std::size_t max);

}  // namespace afluente::duck
