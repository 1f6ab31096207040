// What travels in real time: the changes of several tables, up to one position.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "data/batch.h"
#include "data/dead_letter.h"
#include "data/logical_type.h"
#include "data/position.h"
#include "estate/estate.h"

namespace afluente::pipeline {

/// Prefix of the columns that incomplete rows carry besides their own.
constexpr const char* kLacksPrefix = "_lacks_";
constexpr const char* kOriginPrefix = "_origin_";

/// The changes of one table, as the integration's form wants them: folded to the
/// last row a key, to net counts of whole rows, or, for history, each a row.
/// Readers borrow it; each is read once, to its end, on one thread.
///
/// With `on_bad_row: dead_letter` readers leave out rows that cannot be decoded and
/// set them aside; a later reader leaves them out without a word. History has the
/// key of such a row instead, with an `_op` that says so.
class TableChanges {
 public:
  virtual ~TableChanges() = default;

  virtual const estate::Integration& integration() const = 0;
  /// The columns of rows, as the source has them now; for history, those of the
  /// form behind them.
  virtual const data::Schema& schema() const = 0;
  /// Grows when the schema differs from that of earlier changes.
  virtual std::uint64_t schema_version() const = 0;
  /// The source columns that identify a row; views of schema().
  virtual const std::vector<std::string>& key() const = 0;

  /// Columns that rows from before they came hold a value in, which the source
  /// does not send: ADD COLUMN with a DEFAULT. Views of schema().
  virtual std::vector<std::string> columns_with_defaults() const = 0;
  /// One row of schema() with these values, the other columns NULL.
  virtual std::unique_ptr<data::BatchReader> ReadDefaults() = 0;

  /// When everything that stood there before went; nullopt: it stays.
  virtual std::optional<WallTime> truncated_at() const = 0;
  virtual std::uint64_t changes() const = 0;
  virtual std::size_t keys() const = 0;
  virtual std::size_t marked_keys() const = 0;
  virtual std::size_t rows() const = 0;
  virtual std::size_t incomplete_rows() const = 0;

  /// Every key whose row is another now, or none: what to delete first. Columns:
  /// key(). History deletes nothing and has none.
  virtual const data::Schema& key_schema() const = 0;
  virtual std::unique_ptr<data::BatchReader> ReadKeys() = 0;
  /// soft_delete: the keys whose rows, those that stand there and those of this
  /// set, are to be marked when all else is done. Columns: key(), `_deleted_at`.
  virtual const data::Schema& marked_schema() const = 0;
  virtual std::unique_ptr<data::BatchReader> ReadMarkedKeys() = 0;
  /// The rows that stand there now, but for incomplete ones; for history the
  /// changes, in order. Columns: schema().
  virtual std::unique_ptr<data::BatchReader> ReadRows() = 0;
  /// Rows without the values that the source did not send again. Columns:
  /// schema(); then for each of them BOOLEAN `_lacks_NAME`; then for each of
  /// key() `_origin_NAME`, the key under which the destination has the values.
  virtual const data::Schema& incomplete_schema() const = 0;
  virtual std::unique_ptr<data::BatchReader> ReadIncompleteRows() = 0;

  /// Of a table without a key: rows that stood there and do not any more, each as
  /// often as it went. Columns: schema().
  virtual std::size_t gone_rows() const { return 0; }
  virtual std::unique_ptr<data::BatchReader> ReadGoneRows() { return nullptr; }

  /// Rows that some reader yields.
  enum class Rows : std::uint8_t { kComplete, kIncomplete, kGone };
  /// Sets rows aside that cannot be held for another reason than their bytes.
  /// `reasons`: by number, from 0 on, among the rows that the reader of `rows` would
  /// yield now. A gone row that cannot be held does not stand there: no letter.
  /// Errors: kConversion when there are too many.
  virtual Status SetAside(Rows rows, const std::map<std::size_t, std::string>& reasons);
  /// The dead letters of the rows that were set aside.
  virtual std::vector<data::DeadLetter> dead_letters() const { return {}; }
  /// "key id=42", or another name of row number `row` among those of `rows`; "": none.
  virtual std::string NameOf(Rows /*rows*/, std::size_t /*row*/) const { return ""; }
};

/// Changes of whole transactions, or a part of one that is larger than memory.
struct ChangeSet {
  std::vector<std::unique_ptr<TableChanges>> tables;
  /// What the destination has reached with these changes; nullopt: more of the
  /// same transaction follows, nothing may be visible yet.
  std::optional<data::Position> end;
  /// Integrations whose stored position stays. One that was copied later than the
  /// others is ahead of `end` for a while; one that takes no part is behind it.
  std::set<std::string> ahead;
  WallTime committed_at{};  // Of the last transaction.
  std::uint64_t changes = 0;
  std::size_t bytes = 0;
};

/// Where changes come from. One thread uses it, but for Confirm.
class ChangeSource {
 public:
  virtual ~ChangeSource() = default;

  enum class State : std::uint8_t {
    kIdle,      // Nothing came within the patience, or the wait was ended.
    kReady,     // Whole transactions could be taken.
    kMustTake,  // Full, or a table changed its shape: Take before going on.
  };

  /// Reads until there is something to decide, or nothing more to read.
  virtual Result<State> Pump(std::chrono::milliseconds patience) = 0;

  /// Hands out what has been folded. It has an end only between transactions.
  virtual ChangeSet Take() = 0;

  virtual bool has_changes() const = 0;
  /// Somebody waits until the position that has been reached is stored.
  virtual bool has_mark() const = 0;
  /// Not in the middle of a transaction.
  virtual bool between_transactions() const = 0;
  /// Everything before it has been handed out or folded.
  virtual data::Position position() const = 0;
  /// Whether position() has reached what the source held when it was opened.
  virtual bool caught_up() const = 0;

  /// Everything up to `position` is durable in every sink: the source may
  /// forget it. Thread-safe.
  virtual Status Confirm(const data::Position& position) = 0;
  /// For a thread that cannot Pump: keeps the connection alive.
  virtual Status KeepAlive() = 0;
  /// Ends a Pump that waits. Thread-safe.
  virtual void Wake() = 0;
  /// After a failure: the integration whose table caused it; "" if none did.
  virtual std::string culprit() const = 0;
};

/// Where changes go. One thread uses it.
class ChangeSink {
 public:
  virtual ~ChangeSink() = default;

  /// The position stored with the data of each integration that has one.
  virtual Result<std::map<std::string, data::Position>> Stored() = 0;

  /// Applies a set. With an end, everything since the last end becomes visible
  /// and durable together with it, per destination file in one commit.
  virtual Status Apply(ChangeSet& changes) = 0;
  /// After a failure: the integration whose table caused it; "" if none did.
  virtual std::string culprit() const = 0;
};

}  // namespace afluente::pipeline
