// The changes of one slot: messages in, change sets out.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/replication/followed_tables.h"
#include "connectors/postgres/replication/kept_changes.h"
#include "connectors/postgres/replication/pgoutput.h"
#include "connectors/postgres/replication/transaction_spool.h"
#include "connectors/postgres/replication/wal_connection.h"
#include "data/position.h"
#include "estate/estate.h"
#include "pipeline/changes.h"

namespace afluente::postgres {

/// A position of mode cdc. Kind "lsn", value {"lsn": "0/16B3748"}: transactions
/// that committed before it are in the destination.
data::Position ToPosition(Lsn lsn);
/// kInternal, with a cure, for a position that is no such place.
Result<Lsn> ParsePosition(const data::Position& position);
WallTime ToWallTime(PostgresMicros time);

/// A table that takes no part for now: its changes are kept instead of folded.
struct SetAside {
  std::string integration;
  RelationName relation;
  std::unique_ptr<KeptChanges> kept;
};

struct ChangeStreamOptions {
  Endpoint endpoint;
  StreamOptions stream;
  std::filesystem::path spool_folder;
  /// Changes beyond this are handed out in parts, even within a transaction.
  std::size_t bytes_max = std::size_t{48} << 20U;
  Lsn until;  // What counts as caught up.
  /// A table looks different now, and its rows are right.
  std::function<Status(const std::string& integration, const TableState& now)> on_state;
};

/// Reads a slot and folds its changes table by table. One thread uses it.
class ChangeStream final : public pipeline::ChangeSource {
 public:
  static Result<std::unique_ptr<ChangeStream>> Open(ChangeStreamOptions options,
                                                    std::vector<FollowedIntegration> followed,
                                                    std::vector<SetAside> aside);

  ~ChangeStream() override;
  ChangeStream(const ChangeStream&) = delete;
  ChangeStream& operator=(const ChangeStream&) = delete;

  /// Why Pump failed: a table took a shape that the stream's binary form does
  /// not carry. Open it again without.
  bool needs_text() const { return tables_->needs_text(); }
  /// Why Pump failed: the table of the culprit has rows that no stream sends.
  bool written_anew() const { return tables_->written_anew(); }

  Result<State> Pump(std::chrono::milliseconds patience) override;
  pipeline::ChangeSet Take() override;
  bool has_changes() const override { return tables_->has_changes(); }
  bool has_mark() const override { return has_mark_; }
  bool between_transactions() const override { return !transaction_; }
  data::Position position() const override { return ToPosition(position_); }
  bool caught_up() const override { return position_ >= options_.until; }
  Status Confirm(const data::Position& position) override;
  Status KeepAlive() override { return wal_->KeepAlive(); }
  void Wake() override { wakeup_->Signal(); }
  std::string culprit() const override { return tables_->culprit(); }

 private:
  /// The transaction whose changes are being folded.
  struct Transaction {
    Lsn commit;
    PostgresMicros time = 0;
    Lsn end;  // Known beforehand only for a streamed one.
    std::unique_ptr<SpooledTransaction> spooled;
    bool has_folded = false;   // A change of it was folded or kept, taken since or not.
    std::int64_t ordinal = 0;  // Of its last change.
    bool has_origin = false;   // See ChangeMoment.
  };

  ChangeStream() = default;
  Result<bool> Handle(std::string_view payload);
  Result<bool> HandleSpooled(std::string_view payload);
  Result<bool> Follow(const Message& message, std::string_view payload);
  Status Spool(std::string_view payload);
  Status Fold(std::uint32_t relation, const Message& message);
  Status KeepAside(std::uint32_t relation, std::string_view payload);
  Result<State> PumpSpooled();
  void EndTransaction(Lsn end, PostgresMicros time);
  bool is_full() const {
    // Of one transaction the warehouse keeps every part in memory until it commits.
    constexpr std::size_t kPartOfMax = 4;
    const bool is_part = transaction_ && transaction_->spooled != nullptr;
    return tables_->bytes() >= (is_part ? options_.bytes_max / kPartOfMax : options_.bytes_max);
  }

  ChangeStreamOptions options_;
  std::unique_ptr<Wakeup> wakeup_;
  std::unique_ptr<WalConnection> wal_;
  std::unique_ptr<FollowedTables> tables_;
  std::vector<SetAside> aside_;
  std::unique_ptr<TransactionSpool> spool_;
  Message message_;
  bool in_stream_ = false;
  std::uint32_t stream_xid_ = 0;
  std::optional<Transaction> transaction_;
  bool has_mark_ = false;
  std::string held_;  // A message that waits until the changes before it are taken.
  Lsn position_;
  PostgresMicros last_commit_ = 0;
};

}  // namespace afluente::postgres
