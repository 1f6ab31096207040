#include "connectors/postgres/replication/change_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "connectors/postgres/epoch.h"
#include "connectors/postgres/replication/slot.h"

namespace afluente::postgres {
namespace {

constexpr const char* kPositionKind = "lsn";

}  // namespace

WallTime ToWallTime(PostgresMicros time) {
  return WallTime(std::chrono::microseconds(time + kEpochMicros));
}

data::Position ToPosition(Lsn lsn) {
  return {kPositionKind, nlohmann::json{{"lsn", lsn.ToString()}}.dump()};
}

Result<Lsn> ParsePosition(const data::Position& position) {
  const auto json = nlohmann::json::parse(position.value, nullptr, false);
  if (position.kind == kPositionKind && json.is_object() && json.value("lsn", "") != "") {
    if (const auto lsn = ParseLsn(json.value("lsn", ""))) return *lsn;
  }
  return Error(
      ErrorKind::kInternal,
      "the checkpoint is not a place in the source's log; run with --full-refresh to start "
      "over");
}

Result<std::unique_ptr<ChangeStream>> ChangeStream::Open(ChangeStreamOptions options,
                                                         std::vector<FollowedIntegration> followed,
                                                         std::vector<SetAside> aside) {
  std::unique_ptr<ChangeStream> stream(new ChangeStream());
  stream->options_ = std::move(options);
  stream->spool_ = std::make_unique<TransactionSpool>(stream->options_.spool_folder);
  stream->tables_ = std::make_unique<FollowedTables>(
      FollowedTablesOptions{stream->options_.endpoint, stream->options_.stream.binary,
                            stream->options_.on_state},
      std::move(followed));
  stream->aside_ = std::move(aside);
  AFL_ASSIGN(stream->wal_, WalConnection::Open(stream->options_.endpoint));
  AFL_ASSIGN(stream->wakeup_, Wakeup::Make());
  AFL_TRY(stream->wal_->Start(stream->options_.stream, *stream->wakeup_));
  stream->position_ = stream->options_.stream.from;
  return stream;
}

// What the last set confirmed; the server forgets it if it hears it.
ChangeStream::~ChangeStream() {
  if (wal_ != nullptr) (void)wal_->SendConfirmed();
}

Status ChangeStream::Confirm(const data::Position& position) {
  AFL_ASSIGN(const Lsn lsn, ParsePosition(position));
  for (const SetAside& table : aside_) AFL_TRY(table.kept->Keep());
  wal_->Confirm(lsn);
  return Done{};
}

Result<ChangeStream::State> ChangeStream::Pump(std::chrono::milliseconds patience) {
  AFL_TRY(tables_->LookAtTables());
  if (!held_.empty()) {
    AFL_ASSIGN(const bool handled, Handle(held_));
    if (!handled) return State::kMustTake;
    held_.clear();
  }
  while (true) {
    if (transaction_ && transaction_->spooled != nullptr) return PumpSpooled();
    AFL_ASSIGN(auto received, wal_->Next(std::chrono::milliseconds(0)));
    if (!received) {
      if (!caught_up()) AFL_TRY(wal_->Ping());
      AFL_ASSIGN(received, wal_->Next(patience));
    }
    if (!received) return State::kIdle;
    if (received->is_keepalive) {
      // Decoded up to there, and everything of it is here: nothing is on its way.
      if (!transaction_ && !has_changes()) position_ = std::max(position_, received->wal_end);
      return State::kReady;
    }
    AFL_ASSIGN(const bool handled, Handle(received->payload));
    if (!handled) {
      held_ = received->payload;
      return State::kMustTake;
    }
    const bool between = !transaction_ && !in_stream_;
    // The end of a streamed part too: a large transaction takes long to come.
    if (between && message_.kind == MessageKind::kCommit) return State::kReady;
    if (between && message_.kind == MessageKind::kStreamStop) return State::kReady;
    if (is_full()) return State::kMustTake;
  }
}

// A large transaction comes back from the disk in parts.
Result<ChangeStream::State> ChangeStream::PumpSpooled() {
  while (!is_full()) {
    AFL_ASSIGN(const std::string_view payload, transaction_->spooled->Next());
    if (payload.empty()) {
      EndTransaction(transaction_->end, transaction_->time);
      return State::kReady;
    }
    AFL_ASSIGN(const bool handled, HandleSpooled(payload));
    if (!handled) {
      held_ = payload;
      return State::kMustTake;
    }
  }
  return State::kMustTake;
}

Result<bool> ChangeStream::HandleSpooled(std::string_view payload) {
  AFL_TRY(ParseMessage(payload, true, message_));
  const bool is_undone = transaction_->spooled->IsUndone(message_.xid);
  // A description of a table holds although the rows behind it were undone: it
  // is not sent again.
  if (is_undone && message_.kind != MessageKind::kRelation) return true;
  return Follow(message_, payload);
}

// False: what is folded must be taken first, then the message comes again.
Result<bool> ChangeStream::Handle(std::string_view payload) {
  if (transaction_ && transaction_->spooled != nullptr) return HandleSpooled(payload);
  AFL_TRY(ParseMessage(payload, in_stream_, message_));
  if (in_stream_ && message_.kind != MessageKind::kStreamStop) {
    AFL_TRY(Spool(payload));
    return true;
  }
  return Follow(message_, payload);
}

Status ChangeStream::Spool(std::string_view payload) {
  AFL_ASSIGN(SpooledTransaction * transaction, spool_->Open(stream_xid_));
  return transaction->Append(payload);
}

Result<bool> ChangeStream::Follow(const Message& message, std::string_view payload) {
  switch (message.kind) {
    case MessageKind::kRelation: {
      AFL_ASSIGN(const bool learnt, tables_->Learn(message.described));
      if (learnt) AFL_TRY(KeepAside(message.described.oid, payload));
      return learnt;
    }
    case MessageKind::kInsert:
    case MessageKind::kUpdate:
    case MessageKind::kDelete:
      AFL_TRY(Fold(message.relation, message));
      AFL_TRY(KeepAside(message.relation, payload));
      return true;
    case MessageKind::kTruncate:
      for (const std::uint32_t relation : message.truncated) {
        AFL_TRY(Fold(relation, message));
        AFL_TRY(KeepAside(relation, payload));
      }
      return true;
    case MessageKind::kBegin:
      transaction_ = Transaction{message.lsn, message.time, {}, nullptr};
      return true;
    case MessageKind::kCommit:
      EndTransaction(message.end_lsn, message.time);
      return true;
    case MessageKind::kStreamStart:
      in_stream_ = true;
      stream_xid_ = message.xid;
      return true;
    case MessageKind::kStreamStop:
      in_stream_ = false;
      return true;
    case MessageKind::kStreamAbort:
      spool_->Abort(message.xid, message.subxid);
      return true;
    case MessageKind::kStreamCommit:
      transaction_ =
          Transaction{message.lsn, message.time, message.end_lsn, spool_->Take(message.xid)};
      if (transaction_->spooled != nullptr) {
        AFL_TRY(transaction_->spooled->Rewind());
      } else {
        EndTransaction(message.end_lsn, message.time);
      }
      return true;
    case MessageKind::kLogical:
      has_mark_ = has_mark_ || message.prefix == kMarkPrefix;
      if (transaction_ && message.prefix == kOriginPrefix) transaction_->has_origin = true;
      return true;
    case MessageKind::kOrigin:
      if (transaction_) transaction_->has_origin = true;
      return true;
    case MessageKind::kType:
      return true;
  }
  return true;
}

void ChangeStream::EndTransaction(Lsn end, PostgresMicros time) {
  transaction_.reset();
  position_ = std::max(position_, end);
  last_commit_ = time;
}

Status ChangeStream::Fold(std::uint32_t relation, const Message& message) {
  if (!transaction_) {
    return Error(ErrorKind::kInternal,
                 "the replication stream has a change outside of a transaction");
  }
  AFL_ASSIGN(const int places,
             tables_->Fold(relation, message,
                           {transaction_->commit, transaction_->time, transaction_->ordinal + 1,
                            transaction_->has_origin}));
  transaction_->has_folded = transaction_->has_folded || places > 0;
  transaction_->ordinal += std::max(places, 1);  // A change that nobody follows has its place, too.
  return Done{};
}

Status ChangeStream::KeepAside(std::uint32_t relation, std::string_view payload) {
  for (const SetAside& table : aside_) {
    if (OidOf(table.relation) != relation || !transaction_) continue;
    transaction_->has_folded = true;
    AFL_TRY(table.kept->Append(payload, transaction_->spooled != nullptr,
                               {transaction_->commit, transaction_->time, transaction_->ordinal,
                                transaction_->has_origin}));
    // What a change takes of the transaction's order is found out when it is folded.
    constexpr int kPlacesMax = 2;
    transaction_->ordinal += kPlacesMax;
  }
  return Done{};
}

pipeline::ChangeSet ChangeStream::Take() {
  pipeline::ChangeSet set = tables_->Take();
  // Whole transactions, too, when the one that has begun brought nothing yet but
  // a table's new shape.
  if (!transaction_ || !transaction_->has_folded) {
    has_mark_ = false;
    set.end = ToPosition(position_);
    set.committed_at = ToWallTime(last_commit_);
    set.ahead = tables_->AheadOf(position_);
    for (const SetAside& table : aside_) {
      table.kept->Mark(position_);
      // The sink may know it: its position is that of its copy, and moves with that alone.
      set.ahead.insert(table.integration);
    }
  }
  return set;
}

}  // namespace afluente::postgres
