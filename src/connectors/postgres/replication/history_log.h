// The changes of one table as they came: every one of them a row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/replication/change_collector.h"
#include "connectors/postgres/replication/pgoutput.h"
#include "connectors/postgres/replication/tuple_cells.h"
#include "connectors/postgres/row_arena.h"

namespace afluente::postgres {

/// Keeps inserts, updates, deletes and truncates of one table in the order in
/// which they are given. Owns their bytes. One thread at a time.
///
/// A change of the key is two entries: a delete of the old key and the update
/// under the new one. Otherwise no entry would say that the old key is gone.
///
/// A value that an update did not send ('u', an unchanged TOASTed value) is
/// taken from the old row or from the row's last entry in this log. If neither
/// has it, the entry stays incomplete and `origin` names the key under which
/// the destination's history has it.
class HistoryLog {
 public:
  enum class Op : std::uint8_t { kInsert, kUpdate, kDelete, kTruncate };

  struct Entry {
    Op op = Op::kInsert;
    std::string_view row;     // A TupleView's bytes; of a delete: the old row, or its key
                              // alone. Empty for a truncate.
    std::string_view origin;  // EncodeKey's form. Not empty: the row lacks values; see above.
    ChangeMoment moment;

    bool complete() const { return origin.empty(); }
  };

  /// `key_columns`: which columns of a tuple identify a row, in tuple order.
  explicit HistoryLog(std::vector<std::size_t> key_columns)
      : key_columns_(std::move(key_columns)) {}

  /// As ChangeCollector::Add.
  Result<int> Add(const Message& change, const ChangeMoment& moment);

  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t incomplete() const { return incomplete_; }
  /// Memory that the entries take, about.
  std::size_t bytes() const { return bytes_; }
  /// How many changes came.
  std::uint64_t changes() const { return changes_; }

 private:
  Status Update(const Message& update, const ChangeMoment& moment);
  void Append(Op op, std::string_view row, std::string_view origin, const ChangeMoment& moment);
  void Remember(std::string_view key);
  std::string_view Keep(std::string_view bytes);

  std::vector<std::size_t> key_columns_;
  std::vector<Entry> entries_;
  // The last entry of each key. Views of the arena.
  std::unordered_map<std::string_view, std::size_t> latest_;
  RowArena arena_;
  std::size_t incomplete_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t changes_ = 0;
  ChangedRow changed_;  // Scratch.
  std::string filled_;
};

}  // namespace afluente::postgres
