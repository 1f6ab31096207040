// Chunks of rows into a PostgreSQL table, each in one transaction with the position that it
// reaches.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/copy_chunk.h"
#include "connectors/postgres/destination_checkpoint.h"
#include "connectors/postgres/destination_table.h"
#include "connectors/postgres/libpq.h"
#include "data/dead_letter.h"
#include "estate/estate.h"

namespace afluente::postgres {

/// How a chunk gets into the table.
struct DeliveryStep {
  std::string copy;   // Into the staging table.
  std::string check;  // find_changed_values; may be "".
  std::string apply;  // From there into the table.
};

/// What a chunk's transaction did.
struct Delivered {
  std::uint64_t rows_written = 0;
  std::vector<std::int64_t> set_aside;  // Numbers of rows that the table refused.
  std::vector<data::DeadLetter> dead_letters;
};

/// Writes through one connection, whose session it configures: one thread.
///
/// Each chunk is one transaction, so locks are held for moments only; it waits
/// for others' locks at most kLockTimeout and works at most kStatementTimeout.
/// A chunk that the table refuses because of one row is tried again by halves
/// until the row is found. Its key names it, in errors and dead letters.
class Delivery {
 public:
  static constexpr std::chrono::milliseconds kLockTimeout{5000};
  static constexpr std::chrono::milliseconds kStatementTimeout{120000};

  /// "id=42" of a row by its number; "" when the key is masked or there is none.
  using KeyOf = std::function<std::string(std::int64_t number)>;

  /// Borrows all. `set_aside`: how many rows were, in all; several may share it.
  Delivery(PGconn* connection, const DestinationTable& table,
           const estate::Integration& integration, std::size_t& set_aside)
      : connection_(connection), table_(table), integration_(integration), set_aside_(set_aside) {}

  /// Creates the staging table. Transactions then carry a logical message, by
  /// which whoever follows the database knows them (`origin: none`).
  Status Open();

  /// One transaction: the chunk and, with it, `position`, to which the rows
  /// that were set aside are added.
  /// Errors: kConversion naming the refused row; kTransient, naming the table
  /// and the cure, for locks, deadlocks and time limits.
  Result<Delivered> Send(const CopyChunk& chunk, const DeliveryStep& step, const KeyOf& key_of,
                         DestinationPosition position);

  /// The same in two steps: all but the commit, on any thread; then what Send
  /// returns. `chunk` and `step` are those that were started.
  void Start(const CopyChunk& chunk, const DeliveryStep& step);
  Result<Delivered> Finish(const CopyChunk& chunk, const DeliveryStep& step, const KeyOf& key_of,
                           DestinationPosition position);

  /// The same in parts, for what must be one transaction however large it is.
  Status Begin();
  Status Execute(const std::string& sql, std::uint64_t& rows_written);
  Status Put(const CopyChunk& chunk, const DeliveryStep& step, const KeyOf& key_of,
             Delivered& delivered);
  /// Into the staging table only.
  Status Stage(const CopyChunk& chunk, const std::string& copy);
  Status Commit(const DestinationPosition& position);
  void Rollback();

 private:
  // Why a statement failed, and whether a row of it is to blame.
  struct Refused {
    Error error;
    bool is_row = false;
  };
  using Outcome = std::variant<std::uint64_t, Refused>;

  Outcome Try(const CopyChunk& chunk, std::size_t begin, std::size_t end, const DeliveryStep& step);
  Outcome Copy(const CopyChunk& chunk, std::size_t begin, std::size_t end, const std::string& copy);
  Outcome Affected(const QueryResult& result);
  Refused WhyRefused(const PGresult* result) const;
  Status Bisect(const CopyChunk& chunk, std::size_t begin, std::size_t end,
                const DeliveryStep& step, const KeyOf& key_of, Delivered& delivered);
  Status SetAside(std::int64_t number, const Error& why, const KeyOf& key_of,
                  Delivered& delivered) const;

  PGconn* connection_;
  const DestinationTable& table_;
  const estate::Integration& integration_;
  std::size_t& set_aside_;
  std::string tell_origin_;  // What a transaction says of itself, where somebody may read it.
  Outcome started_ = std::uint64_t{0};  // Of Start.
};

}  // namespace afluente::postgres
