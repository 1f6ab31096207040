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

WallTime ToWallTime(PostgresMicros time) {
  return WallTime(std::chrono::microseconds(time + kEpochMicros));
}

// The stream does not send what ADD COLUMN ... DEFAULT gave to rows that stood
// there: the server itself keeps it as one value for all of them, and for a
// partitioned table with each partition.
// Source: PostgreSQL documentation, pg_attribute, attmissingval.
Result<std::map<std::string, std::string>> ReadDefaults(PGconn* catalog, std::uint32_t relation) {
  AFL_ASSIGN(const QueryResult found,
             QueryParams(catalog,
                         "WITH RECURSIVE tree(oid) AS (SELECT $1::oid UNION ALL SELECT i.inhrelid "
                         "FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid) "
                         "SELECT DISTINCT ON (attname) attname, (attmissingval::text::text[])[1] "
                         "FROM pg_catalog.pg_attribute JOIN tree ON attrelid = tree.oid WHERE "
                         "atthasmissing AND NOT attisdropped ORDER BY attname",
                         {std::to_string(relation)}));
  std::map<std::string, std::string> defaults;
  for (int row = 0; row < PQntuples(found.get()); ++row) {
    if (PQgetisnull(found.get(), row, 1) == 0) defaults[Text(found, row, 0)] = Text(found, row, 1);
  }
  return defaults;
}

// The stream does not say how many dimensions an array was declared with.
Status LearnDimensions(PGconn* catalog, std::uint32_t relation,
                       std::vector<CatalogColumn>& columns) {
  AFL_ASSIGN(const QueryResult found,
             QueryParams(catalog,
                         "SELECT attname, attndims FROM pg_catalog.pg_attribute WHERE attrelid = "
                         "$1::oid AND attndims > 1 AND NOT attisdropped",
                         {std::to_string(relation)}));
  for (int row = 0; row < PQntuples(found.get()); ++row) {
    for (CatalogColumn& column : columns) {
      if (column.name != Text(found, row, 0)) continue;
      column.type.dimensions = std::max(column.type.dimensions, std::stoi(Text(found, row, 1)));
    }
  }
  return Done{};
}

}  // namespace

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

Result<std::unique_ptr<ChangeStream>> ChangeStream::Open(
    ChangeStreamOptions options, std::vector<FollowedIntegration> followed) {
  std::unique_ptr<ChangeStream> stream(new ChangeStream());
  stream->options_ = std::move(options);
  stream->spool_ = std::make_unique<TransactionSpool>(stream->options_.spool_folder);
  for (FollowedIntegration& one : followed) {
    auto table = std::make_unique<Table>();
    table->followed = std::move(one);
    const auto oid =
        static_cast<std::uint32_t>(std::strtoul(table->followed.relation.oid.c_str(), nullptr, 10));
    stream->by_relation_[oid].push_back(table.get());
    stream->tables_.push_back(std::move(table));
  }
  AFL_ASSIGN(stream->wal_, WalConnection::Open(stream->options_.endpoint));
  AFL_ASSIGN(stream->wakeup_, Wakeup::Make());
  AFL_TRY(stream->wal_->Start(stream->options_.stream, *stream->wakeup_));
  stream->position_ = stream->options_.stream.from;
  stream->looked_at_ = SystemClock().Monotonic();
  return stream;
}

// What the last set confirmed; the server forgets it if it hears it.
ChangeStream::~ChangeStream() {
  if (wal_ != nullptr) (void)wal_->SendConfirmed();
}

std::vector<ChangeStream::Table*>* ChangeStream::TablesOf(std::uint32_t relation) {
  const auto found = by_relation_.find(relation);
  return found == by_relation_.end() ? nullptr : &found->second;
}

Status ChangeStream::Confirm(const data::Position& position) {
  AFL_ASSIGN(const Lsn lsn, ParsePosition(position));
  wal_->Confirm(lsn);
  return Done{};
}

Result<ChangeStream::State> ChangeStream::Pump(std::chrono::milliseconds patience) {
  AFL_TRY(LookAtTables());
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
      if (!transaction_ && !has_changes_) position_ = std::max(position_, received->wal_end);
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
  return Follow(message_);
}

// False: what is folded must be taken first, then the message comes again.
Result<bool> ChangeStream::Handle(std::string_view payload) {
  if (transaction_ && transaction_->spooled != nullptr) return HandleSpooled(payload);
  AFL_TRY(ParseMessage(payload, in_stream_, message_));
  if (in_stream_ && message_.kind != MessageKind::kStreamStop) {
    AFL_TRY(Spool(payload));
    return true;
  }
  return Follow(message_);
}

Status ChangeStream::Spool(std::string_view payload) {
  AFL_ASSIGN(SpooledTransaction * transaction, spool_->Open(stream_xid_));
  return transaction->Append(payload);
}

Result<bool> ChangeStream::Follow(const Message& message) {
  switch (message.kind) {
    case MessageKind::kRelation:
      return LearnRelation(message.described);
    case MessageKind::kInsert:
    case MessageKind::kUpdate:
    case MessageKind::kDelete:
      AFL_TRY(Fold(message.relation, message));
      return true;
    case MessageKind::kTruncate:
      for (const std::uint32_t relation : message.truncated) AFL_TRY(Fold(relation, message));
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
      return true;
    case MessageKind::kOrigin:
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
  int places = 1;  // A change that nobody follows has its place, too.
  std::vector<Table*>* tables = TablesOf(relation);
  for (std::size_t i = 0; tables != nullptr && i < tables->size(); ++i) {
    Table& table = *(*tables)[i];
    if (transaction_->commit < table.followed.from) continue;
    const Result<int> taken = FoldRow(table, message);
    if (!taken.ok()) return Blame(table, taken.error());
    places = std::max(places, taken.value());
  }
  transaction_->ordinal += places;
  return Done{};
}

Status ChangeStream::Blame(const Table& table, Status status) {
  if (status.ok()) return status;
  culprit_ = table.followed.integration->name;
  return std::move(status).Within([&] {
    return fmt::format("{}: table {}", culprit_, table.followed.integration->source.table);
  });
}

Result<int> ChangeStream::FoldRow(Table& table, const Message& message) {
  if (table.collected == nullptr) {
    if (table.shape == nullptr) {
      return Error(ErrorKind::kInternal, "a change arrived before the table's description");
    }
    table.collected = MakeCollector(*table.followed.integration, table.shape);
  }
  transaction_->has_folded = true;
  has_changes_ = true;
  bytes_ -= table.collected->bytes();
  Result<int> places = table.collected->Add(
      message, {transaction_->commit, transaction_->time, transaction_->ordinal + 1});
  bytes_ += table.collected->bytes();
  return places;
}

Result<bool> ChangeStream::LearnRelation(const RelationMessage& relation) {
  std::vector<Table*>* tables = TablesOf(relation.oid);
  if (tables == nullptr) return true;
  for (Table* table : *tables) {
    if (table->relation == relation) continue;
    if (table->collected != nullptr && !table->collected->empty()) return false;
    AFL_TRY(Blame(*table, LearnShape(*table, relation)));
  }
  return true;
}

Status ChangeStream::OpenCatalog() {
  if (catalog_ != nullptr) return Done{};
  AFL_ASSIGN(catalog_, Connect(options_.endpoint.dsn, options_.endpoint.overrides));
  return Done{};
}

// A table that nobody changes after it was altered sends no description either.
Status ChangeStream::LookAtTables() {
  constexpr std::chrono::seconds kEvery{10};
  const auto now = SystemClock().Monotonic();
  if (now < looked_at_ + kEvery) return Done{};
  looked_at_ = now;
  for (const auto& table : tables_) AFL_TRY(Blame(*table, LookAt(*table)));
  return Done{};
}

// The catalog is ahead of the stream: what is seen too early is right later.
Status ChangeStream::LookAt(Table& table) {
  AFL_TRY(OpenCatalog());
  AFL_ASSIGN(TableState now, ReadTableState(catalog_.get(), table.followed.relation));
  if (now == table.followed.state) return Done{};
  if (IsWrittenAnew(table.followed.state, now)) {
    written_anew_ = true;
    return Error(ErrorKind::kSchemaMismatch, "rows changed that the stream does not send");
  }
  table.followed.state = std::move(now);
  return options_.on_state(table.followed.integration->name, table.followed.state);
}

Status ChangeStream::LearnShape(Table& table, const RelationMessage& relation) {
  AFL_TRY(OpenCatalog());
  AFL_TRY(LookAt(table));
  std::vector<ColumnSeed> seeds;
  for (const RelationColumn& column : relation.columns) {
    seeds.push_back({column.name, column.type_oid, column.typmod});
  }
  AFL_ASSIGN(auto columns, ResolveColumns(catalog_.get(), seeds));
  AFL_TRY(LearnDimensions(catalog_.get(), relation.oid, columns));
  AFL_ASSIGN(auto defaults, ReadDefaults(catalog_.get(), relation.oid));
  AFL_ASSIGN(auto shape, ShapeTable(relation, columns, *table.followed.integration, ++versions_,
                                    std::move(defaults)));
  const auto& as_text = shape->columns.cast_to_text;
  const auto first = std::find(as_text.begin(), as_text.end(), true);
  if (options_.stream.binary && first != as_text.end()) {
    needs_text_ = true;
    const auto at = static_cast<std::size_t>(first - as_text.begin());
    return Error(ErrorKind::kTransient,
                 fmt::format("column \"{}\" needs the text form of values; the stream starts again "
                             "with it",
                             shape->columns.schema[at].name));
  }
  table.shape = std::move(shape);
  table.relation = relation;
  table.collected.reset();
  return Done{};
}

pipeline::ChangeSet ChangeStream::Take() {
  pipeline::ChangeSet set;
  set.bytes = std::exchange(bytes_, 0);
  has_changes_ = false;
  for (const auto& table : tables_) {
    if (table->collected == nullptr || table->collected->empty()) continue;
    set.changes += table->collected->changes();
    set.tables.push_back(table->collected->Take());
    table->collected = nullptr;
  }
  // Whole transactions, too, when the one that has begun brought nothing yet but
  // a table's new shape.
  if (!transaction_ || !transaction_->has_folded) {
    has_mark_ = false;
    set.end = ToPosition(position_);
    set.committed_at = ToWallTime(last_commit_);
    for (const auto& table : tables_) {
      const FollowedIntegration& followed = table->followed;
      if (followed.from > position_) set.ahead.insert(followed.integration->name);
    }
  }
  return set;
}

}  // namespace afluente::postgres
