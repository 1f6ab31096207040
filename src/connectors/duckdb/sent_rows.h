// What a destination outside the warehouse has been sent, so that only what changed is sent again.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/checkpoints.h"
#include "connectors/duckdb/evolution.h"
#include "connectors/duckdb/warehouse.h"
#include "data/dead_letter.h"

namespace afluente::duck {

/// How far an integration has been delivered, as the warehouse remembers it.
/// `run` is drawn at random before anything is sent; the destination keeps the
/// same word with each commit, so that both know whether they speak of the same
/// history. Rows of a run are numbered; `through` is the last one that both have.
struct SentRecord {
  std::string run;
  std::int64_t through = -1;
  std::string previous;                // The run before, whole at the destination ...
  std::int64_t previous_through = -1;  // ... through this row.
  std::string table;                   // The destination's own identity: another one knows nothing.
  bool whole = false;                  // The run takes the place of all that was sent before.
};

/// The rows of a run, staged in a project's file, and beside them the memory of
/// what was sent before: for each key a hash of 128 bits over the row's text.
///
/// 128 bits are enough: a hash is compared only with the one hash that its own
/// key had before, so a change is missed once in 2^128, however many rows there
/// are. How rows become text and hash: row_text.h, row_hash.h.
///
/// Without a key rows are told apart by their hash and counted.
/// One thread uses it; only Load's statements may run on other connections.
class SentRows {
 public:
  /// `place.project` must be attached. Borrows the warehouse.
  static Result<SentRows> Open(Warehouse& warehouse, CheckpointPlace place, std::string integration,
                               std::vector<std::string> key);

  Result<std::optional<SentRecord>> Record() const;
  /// Takes over rows (record.through, through] of a run that died after the
  /// destination had committed them, except `set_aside`.
  Status Recover(SentRecord& record, std::int64_t through,
                 const std::vector<std::int64_t>& set_aside);
  Result<bool> RemembersRows() const;

  enum class Sends : std::uint8_t {
    kChanges,     // What differs from what was sent.
    kEverything,  // All rows count as changed; what was sent still tells what is gone.
    kWhole,       // All rows in one commit, in the place of all that was sent.
  };
  /// Makes an empty stage for rows of `columns`. `shape` is part of every hash:
  /// when it changes, all rows have changed.
  Status Prepare(const std::vector<TableColumn>& columns, const std::string& shape, Sends sends);
  /// What stands before and behind the SELECT that yields the rows.
  std::string InsertBefore() const;
  std::string InsertAfter() const;

  /// What the staged rows are, compared with what was sent.
  struct Difference {
    std::uint64_t rows = 0;
    std::uint64_t changed = 0;  // New ones too.
    std::uint64_t gone = 0;     // Keys that were sent and did not arrive.
  };
  /// Call when all is staged.
  /// Errors: kConversion when the key is NULL or not unique.
  Result<Difference> Compare();

  /// What follows FROM to read the rows to send, or the keys that are gone.
  /// `rowid` is their number; more conditions may follow behind AND.
  std::string ToSend() const;
  std::string Gone() const { return gone_ + " WHERE true"; }
  std::string Stage() const { return stage_ + " WHERE true"; }

  /// Remembers what is about to happen, before the first row leaves. From then
  /// on what kEverything is to send counts as not sent, even if the run dies.
  Status Begin(const SentRecord& record);
  /// Remembers that the destination has all changed rows up to record.through,
  /// except `set_aside`; they stand among the dead letters. One transaction.
  Status Advance(const SentRecord& record, const std::vector<std::int64_t>& set_aside,
                 const std::vector<data::DeadLetter>& dead_letters);
  /// Remembers that gone keys up to number `through` are deleted there.
  Status ForgetGone(std::int64_t through, const std::vector<std::int64_t>& set_aside,
                    const std::vector<data::DeadLetter>& dead_letters);
  /// Dead letters of the source.
  Status AddDeadLetters(const std::vector<data::DeadLetter>& dead_letters);
  /// The one cell of a query; "" when there is none.
  Result<std::string> Cell(const std::string& sql) const;
  /// Drops the stage.
  Status Finish();

 private:
  SentRows(Warehouse& warehouse, CheckpointPlace place, std::string integration,
           std::vector<std::string> key, data::DuckConnection connection);

  std::string Table(const std::string& prefix) const;
  std::string KeysMatch(const std::string& left, const std::string& right) const;
  std::string KeyList(const std::string& prefix) const;
  std::string RowHash() const;
  Result<std::vector<TableColumn>> ColumnsOf(const std::string& prefix) const;
  Status MakeMemory();
  Status CheckKeys() const;
  Status CountCopies();
  Result<std::uint64_t> Count(const std::string& sql) const;
  Status InTransaction(const std::function<Status()>& body);
  std::vector<std::string> MergeStatements(std::int64_t after, std::int64_t through,
                                           const std::vector<std::int64_t>& set_aside) const;
  Status Remember(const SentRecord& record, const std::vector<data::DeadLetter>& dead_letters);

  Warehouse* warehouse_;
  CheckpointPlace place_;
  std::string integration_;
  std::vector<std::string> key_;
  data::DuckConnection connection_;
  std::string stage_;  // Quoted names of the three tables.
  std::string sent_;
  std::string gone_;
  std::vector<TableColumn> columns_;
  std::string shape_;
  Sends sends_ = Sends::kChanges;
  std::int64_t through_ = -1;  // What Advance has merged of this run.
};

}  // namespace afluente::duck
