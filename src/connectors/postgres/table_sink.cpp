#include "connectors/postgres/table_sink.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <random>

#include "base/names.h"
#include "connectors/duckdb/sent_rows.h"
#include "connectors/duckdb/shaped_rows.h"
#include "connectors/postgres/copy_chunk.h"
#include "connectors/postgres/delivery.h"
#include "connectors/postgres/delivery_queue.h"
#include "connectors/postgres/destination_checkpoint.h"
#include "connectors/postgres/destination_table.h"

namespace afluente::postgres {
namespace {

// Of bench/reverse.sh's rows PostgreSQL takes such a chunk in about 0.1 s: long
// against what a transaction costs, short for whoever waits for a row.
constexpr std::size_t kChunkRows = 20'000;
constexpr std::size_t kChunkBytes = std::size_t{8} << 20U;
// How much a killed run may have to compare again; each commit of the warehouse
// looks through all that was sent.
constexpr std::int64_t kRowsPerRemembering = 1'000'000;

std::string NewRunName() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

// Even the size of a table waits for whoever rewrites it.
Result<Connection> Open(const Endpoint& endpoint) {
  AFL_ASSIGN(Connection connection, Connect(endpoint.dsn, endpoint.overrides));
  AFL_TRY(Query(connection.get(),
                fmt::format("SET lock_timeout = {}", Delivery::kLockTimeout.count())));
  return connection;
}

class TableSink final : public pipeline::Sink {
 public:
  TableSink(duck::Warehouse& warehouse, Endpoint endpoint, Connection connection,
            const estate::Integration& integration, bool full_refresh, duck::SentRows sent,
            data::DuckConnection reader)
      : endpoint_(std::move(endpoint)),
        connection_(std::move(connection)),
        integration_(integration),
        full_refresh_(full_refresh),
        sent_(std::move(sent)),
        reader_(std::move(reader)),
        rows_(warehouse, integration) {}

  // Every row is read: what is new is found by comparing.
  Result<std::optional<data::Position>> Stored() override {
    return std::optional<data::Position>();
  }
  Status Prepare(const data::Schema& schema, std::uint64_t estimated_rows) override;
  Status Load(data::BatchReader& lane, const std::stop_token& stop) override;
  Status Deliver(const std::stop_token& stop) override;
  Result<pipeline::Committed> Commit(const data::Position& end,
                                     const std::vector<data::DeadLetter>& dead_letters) override;

 private:
  estate::Write write() const { return integration_.EffectiveWrite(); }
  bool keyed() const { return !integration_.destination.key.empty(); }
  std::string Where() const {
    return fmt::format("connection {}: table {}", integration_.destination.connection,
                       integration_.destination.connection_table);
  }
  Status PrepareDestination();
  Result<bool> AgreesWithDestination(std::optional<duck::SentRecord>& record,
                                     const std::optional<DestinationPosition>& position);
  Result<bool> DestinationIsEmpty();
  /// `rows`: how many there are to send.
  Status SendRows(Delivery& delivery, std::uint64_t rows, const std::stop_token& stop);
  Status SendWhole(Delivery& delivery, const std::stop_token& stop);
  Status DeleteGone(Delivery& delivery, const std::stop_token& stop);
  Status DeleteOthers(Delivery& delivery, const std::stop_token& stop);
  Result<bool> HasOthers(std::uint64_t staged);
  Status Remember(const std::vector<std::int64_t>& set_aside,
                  const std::vector<data::DeadLetter>& dead_letters);
  Result<std::unique_ptr<CopyChunks>> Read(const std::string& from, bool only_keys);
  std::string KeyOf(const std::string& from, std::int64_t number);
  DeliveryStep RowStep() const;

  const Endpoint endpoint_;
  Connection connection_;
  const estate::Integration& integration_;
  const bool full_refresh_;
  duck::SentRows sent_;
  data::DuckConnection reader_;
  duck::ShapedRows rows_;

  DestinationTable table_;
  duck::SentRecord record_;
  bool sends_whole_ = false;
  bool everything_ = false;
  std::vector<data::LogicalType> types_;
  std::vector<data::LogicalType> key_types_;
  pipeline::Committed committed_;
  std::size_t set_aside_ = 0;
};

Status TableSink::Prepare(const data::Schema& schema, std::uint64_t estimated_rows) {
  AFL_TRY(rows_.Prepare(schema, estimated_rows, {}, false));
  return PrepareDestination().Within([&] { return Where(); });
}

// Whether the destination still has what the warehouse remembers to have sent.
// What a killed run had committed there is taken over.
Result<bool> TableSink::AgreesWithDestination(std::optional<duck::SentRecord>& record,
                                              const std::optional<DestinationPosition>& position) {
  if (!record || record->table != table_.oid) return false;
  if (!position) return record->through == -1 && record->previous.empty();
  if (position->run == record->run && position->through >= record->through) {
    if (position->through > record->through) {
      AFL_TRY(sent_.Recover(*record, position->through, position->set_aside));
    }
    return true;
  }
  return record->through == -1 && position->run == record->previous &&
         position->through == record->previous_through;
}

Result<bool> TableSink::DestinationIsEmpty() {
  AFL_ASSIGN(const QueryResult found,
             Query(connection_.get(), fmt::format("SELECT 1 FROM {} LIMIT 1", table_.sql_name)));
  return PQntuples(found.get()) == 0;
}

Status TableSink::PrepareDestination() {
  const bool upserts =
      write() == estate::Write::kUpsert || (write() == estate::Write::kReplace && keyed());
  AFL_ASSIGN(table_, DescribeDestination(connection_.get(), integration_.destination,
                                         rows_.columns(), upserts));
  AFL_TRY(EnsureCheckpoints(connection_.get()));
  AFL_ASSIGN(std::optional<duck::SentRecord> record, sent_.Record());
  AFL_ASSIGN(const auto position, ReadDestinationPosition(connection_.get(), integration_.name));
  AFL_ASSIGN(bool agrees, AgreesWithDestination(record, position));
  AFL_ASSIGN(const bool remembers, sent_.RemembersRows());
  const bool appends = write() == estate::Write::kAppend;
  if (record && !agrees && appends && !full_refresh_) {
    return Error(ErrorKind::kSchemaMismatch,
                 "its checkpoint is not the one that the warehouse remembers: the table was "
                 "restored or made anew, and rows that are appended again would stand there twice; "
                 "run with --full-refresh to replace what stands there");
  }
  if (agrees && remembers && !appends) {
    AFL_ASSIGN(const bool empty, DestinationIsEmpty());
    agrees = !empty;
  }
  if (record && !agrees && !full_refresh_) {
    spdlog::warn(
        "{}: {} was restored, emptied or made anew since the last run; everything is sent "
        "again",
        integration_.name, Where());
  }
  sends_whole_ = (write() == estate::Write::kReplace && !keyed()) || (appends && full_refresh_);
  everything_ = full_refresh_ || !agrees;
  record_.table = table_.oid;
  if (agrees && position) {
    record_.previous = position->run;
    record_.previous_through = position->through;
  }

  std::string shape;
  for (const duck::TableColumn& column : rows_.columns()) {
    shape += column.name + " " + column.type + ", ";
  }
  for (const DestinationColumn& column : table_.columns) {
    types_.push_back(column.wire);
    if (column.is_key) key_types_.push_back(column.wire);
  }
  return sent_.Prepare(rows_.columns(), shape,
                       sends_whole_  ? duck::SentRows::Sends::kWhole
                       : everything_ ? duck::SentRows::Sends::kEverything
                                     : duck::SentRows::Sends::kChanges);
}

Status TableSink::Load(data::BatchReader& lane, const std::stop_token& stop) {
  AFL_TRY(rows_.Drain(lane, sent_.InsertBefore(), sent_.InsertAfter(), stop));
  return Done{};
}

// The columns of the stage in their wire types, and the row's number.
Result<std::unique_ptr<CopyChunks>> TableSink::Read(const std::string& from, bool only_keys) {
  std::string columns;
  for (const DestinationColumn& column : table_.columns) {
    if (only_keys && !column.is_key) continue;
    columns += fmt::format("{}::{}, ", QuoteIdentifier(column.name), column.wire.DuckdbName());
  }
  return CopyChunks::Open(reader_.get(), fmt::format("SELECT {}rowid FROM {}", columns, from),
                          only_keys ? key_types_ : types_);
}

// A connection of its own: the reader's is in the middle of its result.
std::string TableSink::KeyOf(const std::string& from, std::int64_t number) {
  std::string columns;
  for (const std::string& key : integration_.destination.key) {
    const bool masked = std::any_of(
        integration_.columns.begin(), integration_.columns.end(), [&](const auto& entry) {
          const auto& [name, rule] = entry;
          return rule.mask && (rule.rename.empty() ? name : rule.rename) == key;
        });
    if (masked) continue;
    columns += fmt::format("{}{} || '=' || {}::VARCHAR", columns.empty() ? "" : " || ', ' || ",
                           QuoteLiteral(key), QuoteIdentifier(key));
  }
  if (columns.empty()) return "";
  const auto found =
      sent_.Cell(fmt::format("SELECT {} FROM {} AND rowid = {}", columns, from, number));
  return found.ok() ? found.value() : "";
}

DeliveryStep TableSink::RowStep() const {
  const bool upserts = write() != estate::Write::kAppend && keyed();
  const DestinationStatements& sql = table_.statements;
  return {sql.copy, sql.find_changed_values, upserts ? sql.upsert : sql.insert};
}

Status TableSink::Remember(const std::vector<std::int64_t>& set_aside,
                           const std::vector<data::DeadLetter>& dead_letters) {
  committed_.dead_letters += dead_letters.size();
  return sent_.Advance(record_, set_aside, dead_letters);
}

Status TableSink::SendRows(Delivery& delivery, std::uint64_t rows, const std::stop_token& stop) {
  AFL_ASSIGN(const auto chunks, Read(sent_.ToSend(), false));
  std::vector<Delivery*> deliveries = {&delivery};
  Connection second;
  std::optional<CancelOnStop> cancel;
  std::optional<Delivery> beside;
  if (rows > kChunkRows) {
    AFL_ASSIGN(second, Open(endpoint_));
    cancel.emplace(second.get(), stop);
    beside.emplace(second.get(), table_, integration_, set_aside_);
    AFL_TRY(beside->Open());
    deliveries.push_back(&*beside);
  }
  std::int64_t remembered = record_.through;
  const auto on_committed = [&](const Delivered& delivered, std::int64_t through) -> Status {
    committed_.rows_written += delivered.rows_written;
    record_.through = through;
    if (delivered.set_aside.empty() && through - remembered < kRowsPerRemembering) return Done{};
    AFL_TRY(Remember(delivered.set_aside, delivered.dead_letters));
    remembered = through;
    return Done{};
  };
  const auto send_all = [&]() -> Status {
    DeliveryQueue queue(
        deliveries, RowStep(), [&](std::int64_t number) { return KeyOf(sent_.Stage(), number); },
        record_.run, on_committed);
    while (true) {
      if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
      CopyChunk chunk;
      AFL_TRY(chunks->Next(kChunkRows, kChunkBytes, chunk));
      if (chunk.rows() == 0) return queue.Drain();
      AFL_TRY(queue.Push(std::move(chunk)));
    }
  };
  Status sent = send_all();
  // What has arrived is remembered, whatever came after it.
  if (record_.through > remembered) AFL_TRY(Remember({}, {}));
  return sent;
}

Status TableSink::SendWhole(Delivery& delivery, const std::stop_token& stop) {
  AFL_ASSIGN(const auto chunks, Read(sent_.ToSend(), false));
  const DeliveryStep step{table_.statements.copy, table_.statements.find_changed_values,
                          table_.statements.insert};
  Delivered delivered;
  DestinationPosition position{record_.run, 0, {}};
  const auto send_all = [&]() -> Status {
    AFL_TRY(delivery.Begin());
    std::uint64_t deleted = 0;
    AFL_TRY(delivery.Execute(table_.statements.delete_all, deleted));
    CopyChunk chunk;
    while (true) {
      if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
      AFL_TRY(chunks->Next(kChunkRows, kChunkBytes, chunk));
      if (chunk.rows() == 0) break;
      position.through = chunk.numbers.back();
      AFL_TRY(delivery.Put(
          chunk, step, [&](std::int64_t number) { return KeyOf(sent_.Stage(), number); },
          delivered));
    }
    position.set_aside = delivered.set_aside;
    return delivery.Commit(position);
  };
  if (Status status = send_all(); !status.ok()) {
    delivery.Rollback();
    return status;
  }
  committed_.rows_written += delivered.rows_written;
  record_.through = position.through;
  return Remember(delivered.set_aside, delivered.dead_letters);
}

// After the rows: a key that moved to another row is free by then.
Status TableSink::DeleteGone(Delivery& delivery, const std::stop_token& stop) {
  AFL_ASSIGN(const auto chunks, Read(sent_.Gone(), true));
  const DeliveryStep step{table_.statements.copy_keys, "", table_.statements.delete_staged};
  CopyChunk chunk;
  while (true) {
    if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
    AFL_TRY(chunks->Next(kChunkRows, kChunkBytes, chunk));
    if (chunk.rows() == 0) return Done{};
    AFL_ASSIGN(
        const Delivered delivered,
        delivery.Send(chunk, step, [&](std::int64_t number) { return KeyOf(sent_.Gone(), number); },
                      {record_.run, record_.through, {}}));
    committed_.rows_written += delivered.rows_written;
    committed_.dead_letters += delivered.dead_letters.size();
    AFL_TRY(sent_.ForgetGone(chunk.numbers.back(), delivered.set_aside, delivered.dead_letters));
  }
}

// Rows that nobody sent are seen by their number only: reading all keys of the
// destination in each run would cost more than the run.
Result<bool> TableSink::HasOthers(std::uint64_t staged) {
  AFL_ASSIGN(const QueryResult found,
             Query(connection_.get(), "SELECT count(*) FROM " + table_.sql_name));
  return full_refresh_ || std::stoull(Text(found, 0, 0)) != staged;
}

Status TableSink::DeleteOthers(Delivery& delivery, const std::stop_token& stop) {
  AFL_ASSIGN(const auto chunks, Read(sent_.Stage(), true));
  const auto delete_all = [&]() -> Status {
    AFL_TRY(delivery.Begin());
    CopyChunk chunk;
    while (true) {
      if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
      AFL_TRY(chunks->Next(kChunkRows, kChunkBytes, chunk));
      if (chunk.rows() == 0) break;
      AFL_TRY(delivery.Stage(chunk, table_.statements.copy_keys));
    }
    std::uint64_t ignored = 0;
    AFL_TRY(delivery.Execute(fmt::format("ANALYZE {}", kStagingTable), ignored));
    AFL_TRY(delivery.Execute(table_.statements.delete_others, committed_.rows_written));
    return delivery.Commit({record_.run, record_.through, {}});
  };
  Status status = delete_all();
  if (!status.ok()) delivery.Rollback();
  return status;
}

Status TableSink::Deliver(const std::stop_token& stop) {
  const auto deliver = [&]() -> Status {
    AFL_ASSIGN(const duck::SentRows::Difference difference, sent_.Compare());
    const bool replaces = write() == estate::Write::kReplace && keyed();
    const bool deletes = keyed() && difference.gone != 0 &&
                         (replaces || (write() == estate::Write::kUpsert &&
                                       integration_.deletes == estate::Deletes::kDelete));
    const bool has_rows =
        difference.changed != 0 || (sends_whole_ && (difference.gone != 0 || everything_));
    bool checks_others = false;
    if (replaces && !has_rows && !deletes) {
      AFL_ASSIGN(checks_others, HasOthers(difference.rows));
    }
    if (!has_rows && !deletes && !checks_others) return Done{};
    record_.run = NewRunName();
    record_.whole = sends_whole_;
    AFL_TRY(sent_.Begin(record_));
    const CancelOnStop cancel(connection_.get(), stop);
    Delivery delivery(connection_.get(), table_, integration_, set_aside_);
    AFL_TRY(delivery.Open());
    if (sends_whole_) return SendWhole(delivery, stop);
    AFL_TRY(SendRows(delivery, difference.changed, stop));
    if (deletes) AFL_TRY(DeleteGone(delivery, stop));
    if (!replaces) return Done{};
    AFL_ASSIGN(const bool has_others, HasOthers(difference.rows));
    return has_others ? DeleteOthers(delivery, stop) : Status(Done{});
  };
  Status delivered = deliver();
  if (!delivered.ok() && stop.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
  return std::move(delivered).Within([&] { return Where(); });
}

Result<pipeline::Committed> TableSink::Commit(const data::Position& end,
                                              const std::vector<data::DeadLetter>& dead_letters) {
  (void)end;  // Every run reads everything.
  if (!dead_letters.empty()) AFL_TRY(sent_.AddDeadLetters(dead_letters));
  AFL_TRY(sent_.Finish());
  return committed_;
}

}  // namespace

Result<std::unique_ptr<pipeline::Sink>> OpenTableSink(duck::Warehouse& warehouse,
                                                      const Endpoint& endpoint,
                                                      const estate::Integration& integration,
                                                      const std::string& project,
                                                      bool full_refresh) {
  AFL_ASSIGN(Connection connection, Open(endpoint));
  AFL_ASSIGN(data::DuckConnection reader, warehouse.Connect());
  const estate::Destination& destination = integration.destination;
  AFL_ASSIGN(duck::SentRows sent,
             duck::SentRows::Open(
                 warehouse, {project, destination.connection + ":" + destination.connection_table},
                 integration.name, destination.key));
  return std::unique_ptr<pipeline::Sink>(
      std::make_unique<TableSink>(warehouse, endpoint, std::move(connection), integration,
                                  full_refresh, std::move(sent), std::move(reader)));
}

}  // namespace afluente::postgres
