// What the changes of one table come down to: the last row a key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/replication/pgoutput.h"
#include "connectors/postgres/row_arena.h"

namespace afluente::postgres {

/// Folds inserts, updates, deletes and truncates of one table key by key, in
/// the order in which they are given. Owns the bytes of what it keeps. One
/// thread at a time.
///
/// A value that an update did not send ('u', an unchanged TOASTed value) is
/// taken from the old row or from the key's earlier row in this fold. If
/// neither has it, the row stays incomplete and `origin` names the key under
/// which the destination stores it: after a change of the key, the old one.
class ChangeFold {
 public:
  struct Entry {
    std::string_view key;     // EncodeKey's form.
    std::string_view row;     // A TupleView's bytes; empty: the key is gone.
    std::string_view origin;  // Not empty: the row lacks values; see above.
    PostgresMicros time = 0;  // Of the commit that changed it last.
    std::uint64_t hash = 0;

    bool lives() const { return !row.empty(); }
    bool complete() const { return origin.empty(); }
  };

  /// `key_columns`: which columns of a tuple identify a row, in tuple order.
  /// None: only inserts can be folded, each is an entry of its own.
  explicit ChangeFold(std::vector<std::size_t> key_columns)
      : key_columns_(std::move(key_columns)) {}

  /// Errors: kSchemaMismatch for an update or delete that does not say which
  /// row it means; kInternal for a tuple with other columns than before.
  Status Insert(const TupleView& row, PostgresMicros time);
  Status Update(const Message& update, PostgresMicros time);
  Status Delete(const Message& deletion, PostgresMicros time);
  void Truncate();

  /// All rows that stood there before `entries` are gone.
  bool truncated() const { return truncated_; }
  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t live_complete() const;
  std::size_t live_incomplete() const;

  bool empty() const { return entries_.empty() && !truncated_; }
  /// Memory that the changes take, about.
  std::size_t bytes() const { return bytes_; }
  /// How many changes were folded.
  std::uint64_t changes() const { return changes_; }

  /// As new; keeps some memory for the next changes.
  void Clear();

 private:
  Status TakeKey(const TupleView& tuple, std::vector<TupleCell>& cells, std::string& key) const;
  Status EncodeWholeKey(const std::vector<TupleCell>& cells, std::string& key) const;
  Entry* Find(std::string_view key, std::uint64_t hash);
  Entry& FindOrAdd(std::string_view key);
  void Grow();
  void SetRow(Entry& entry, std::string_view row, PostgresMicros time);
  std::string_view Keep(std::string_view bytes);
  bool FillUnchanged(const TupleView& from);

  std::vector<std::size_t> key_columns_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;  // Open addressing: index into entries_ + 1; 0: free.
  RowArena arena_;
  std::size_t bytes_ = 0;
  std::uint64_t changes_ = 0;
  bool truncated_ = false;

  // Scratch, so that a change allocates nothing.
  std::vector<TupleCell> cells_;
  std::vector<TupleCell> old_cells_;
  std::string key_;
  std::string old_key_;
};

/// The cells of a key, one after another, as ChangeFold compares them.
void EncodeKey(const std::vector<TupleCell>& cells, const std::vector<std::size_t>& columns,
               std::string& key);
/// The inverse: one cell a key column.
void DecodeKey(std::string_view key, std::vector<TupleCell>& cells);

}  // namespace afluente::postgres
