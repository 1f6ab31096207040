// What the changes of a table without a key come down to: how many of each row came and went.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/replication/change_collector.h"
#include "connectors/postgres/replication/pgoutput.h"
#include "connectors/postgres/row_arena.h"

namespace afluente::postgres {

/// Folds inserts, updates, deletes and truncates of one table under REPLICA
/// IDENTITY FULL, where a row is named by all that it holds and may stand there
/// several times. An update takes one row away and brings one; what it did not
/// send ('u', an unchanged TOASTed value) stands in the old row. Owns the bytes of
/// what it keeps. One thread at a time.
class RowFold {
 public:
  struct Entry {
    std::string_view row;  // A TupleView's bytes; columns that are not read are NULL.
    std::int64_t net = 0;  // Rows that came, less those that went.
    Lsn commit;            // Of the last change.
  };

  /// `is_read`: of each column of a tuple.
  explicit RowFold(std::vector<bool> is_read) : is_read_(std::move(is_read)) {}

  /// As ChangeCollector::Add.
  Result<int> Add(const Message& change, const ChangeMoment& moment);

  /// When the rows that stood there before `entries` went; nullopt: they stay.
  std::optional<PostgresMicros> truncated_at() const { return truncated_at_; }
  const std::vector<Entry>& entries() const { return entries_; }

  bool empty() const { return entries_.empty() && !truncated_at_; }
  /// Memory that the changes take, about.
  std::size_t bytes() const { return bytes_; }
  /// How many changes were folded.
  std::uint64_t changes() const { return changes_; }

 private:
  Status Take(const TupleView& old_row, const TupleView& new_row, const ChangeMoment& moment);
  void Truncate(PostgresMicros time);
  Status Count(std::vector<TupleCell>& cells, std::int64_t by, const ChangeMoment& moment);

  std::vector<bool> is_read_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string_view, std::size_t> places_;  // By row; views of the arena.
  RowArena arena_;
  std::size_t bytes_ = 0;
  std::uint64_t changes_ = 0;
  std::optional<PostgresMicros> truncated_at_;
  std::vector<TupleCell> cells_;  // Scratch.
  std::vector<TupleCell> old_cells_;
  std::vector<TupleCell> scratch_;
  std::string encoded_;
};

}  // namespace afluente::postgres
