// One of the two systems that reconciliation asks, and how it is asked.
#pragma once

#include <functional>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "data/duckdb_api.h"

namespace afluente::comparison {

using Rows = std::vector<std::vector<data::Cell>>;

/// The expressions of one system. Both sides have the same columns in the same
/// order; what they yield is comparable as text.
class Side {
 public:
  enum class Dialect : std::uint8_t { kPostgres, kDuckdb };
  using Run = std::function<Result<Rows>(const std::string& sql)>;

  /// `from` is "t WHERE ..."; `columns` yield canonical text; `key` indexes them.
  Side(Dialect dialect, std::string from, std::vector<std::string> columns,
       std::vector<std::size_t> key, Run run);

  /// slice, rows, sum of row hashes; the slice is the first `digits` hex digits
  /// of the key's hash, within the slices `within` (of `within_digits`; empty: all).
  Result<Rows> Slices(int digits, int within_digits, const std::vector<std::string>& within) const;
  /// A SELECT of key_hash, row_hash of every row in the slices; `more`, such as
  /// ", ctid", stands behind them.
  std::string RowHashesSql(int digits, const std::vector<std::string>& slices,
                           const std::string& more = "") const;
  /// Hash of the key, the key's columns, then a hash of every column.
  Result<Rows> Columns(const std::vector<std::string>& key_hashes) const;
  /// The sum of the hashes of each column, in one row.
  Result<Rows> ColumnSums() const;
  /// How many values of each expression are not NULL, in one row.
  Result<Rows> NotNulls(const std::vector<std::string>& expressions) const;
  /// The expression that key_hash is.
  std::string KeyHash() const;

 private:
  std::string Joined(const std::vector<std::string>& texts) const;
  std::string Hash60(const std::string& text) const;
  std::string Slice(int digits) const;

  Dialect dialect_;
  std::string from_;
  std::vector<std::string> columns_;
  std::vector<std::size_t> key_;
  Run run_;
};

/// Asks both sides the same at the same time; the first answer is the source's.
template <class Ask>
auto AskBoth(const Side& source, const Side& destination, const Ask& ask) {
  auto ours = std::async(std::launch::async, [&] { return ask(source); });
  auto theirs = ask(destination);
  return std::pair(ours.get(), std::move(theirs));
}

}  // namespace afluente::comparison
