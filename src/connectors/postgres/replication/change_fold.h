// What the changes of one table come down to: the last row a key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/replication/change_collector.h"
#include "connectors/postgres/replication/pgoutput.h"
#include "connectors/postgres/replication/tuple_cells.h"
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
  /// What becomes of a row that is deleted: the destination forgets it, or
  /// keeps its last values and marks it.
  enum class Deleted : std::uint8_t { kForgotten, kMarked };

  struct Entry {
    std::string_view key;     // EncodeKey's form.
    std::string_view row;     // A TupleView's bytes; empty: none is known here.
    std::string_view origin;  // Not empty: the row lacks values; see above.
    PostgresMicros time = 0;  // Of the commit that changed it last, ...
    Lsn commit;               // ... and its place.
    std::uint64_t hash = 0;
    bool marked = false;  // Deleted at `time`, and kept by the destination.

    bool lives() const { return has_row() && !marked; }
    bool has_row() const { return !row.empty(); }
    bool complete() const { return origin.empty(); }
    /// The row that the destination has under this key goes away. One that is
    /// only marked stays.
    bool replaces() const { return has_row() || !marked; }
  };

  /// `key_columns`: which columns of a tuple identify a row, in tuple order.
  /// None: only inserts can be folded, each is an entry of its own.
  explicit ChangeFold(std::vector<std::size_t> key_columns, Deleted deleted = Deleted::kForgotten)
      : key_columns_(std::move(key_columns)), deleted_(deleted) {}

  /// Errors: those of ReadInsert, ReadUpdate and ReadDelete.
  Status Insert(const Message& insert, const ChangeMoment& moment);
  Status Update(const Message& update, const ChangeMoment& moment);
  Status Delete(const Message& deletion, const ChangeMoment& moment);
  void Truncate(PostgresMicros time);

  /// When the rows that stood there before `entries` went; nullopt: they stay.
  std::optional<PostgresMicros> truncated_at() const { return truncated_at_; }
  const std::vector<Entry>& entries() const { return entries_; }
  /// Entries with a row.
  std::size_t complete_rows() const;
  std::size_t incomplete_rows() const;

  bool empty() const { return entries_.empty() && !truncated_at_; }
  /// Memory that the changes take, about.
  std::size_t bytes() const { return bytes_; }
  /// How many changes were folded.
  std::uint64_t changes() const { return changes_; }

  /// As new; keeps some memory for the next changes.
  void Clear();

 private:
  Entry* Find(std::string_view key, std::uint64_t hash);
  Entry& FindOrAdd(std::string_view key);
  void Grow();
  void SetRow(Entry& entry, std::string_view row, const ChangeMoment& moment);
  std::string_view Keep(std::string_view bytes);

  std::vector<std::size_t> key_columns_;
  Deleted deleted_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;  // Open addressing: index into entries_ + 1; 0: free.
  RowArena arena_;
  std::size_t bytes_ = 0;
  std::uint64_t changes_ = 0;
  std::optional<PostgresMicros> truncated_at_;
  ChangedRow changed_;  // Scratch.
};

}  // namespace afluente::postgres
