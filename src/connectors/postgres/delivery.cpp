#include "connectors/postgres/delivery.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/names.h"
#include "connectors/postgres/replication/slot.h"

namespace afluente::postgres {
namespace {

// Source: PostgreSQL documentation, COPY, "Binary Format".
constexpr std::string_view kCopyHeader("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
constexpr std::string_view kCopyTrailer("\377\377", 2);

// Messages of class 22 quote the value that does not fit; values stay where
// they are.
std::string WithoutValues(const std::string& message) {
  std::string clean;
  bool quoted = false;
  for (const char c : message) {
    if (c == '"') {
      clean += quoted ? "...\"" : "\"";
      quoted = !quoted;
    } else if (!quoted) {
      clean += c;
    }
  }
  return clean;
}

std::string Field(const PGresult* result, int field) {
  const char* text = result == nullptr ? nullptr : PQresultErrorField(result, field);
  return text == nullptr ? "" : text;
}

std::string Seconds(std::chrono::milliseconds time) {
  return fmt::format("{} s", time.count() / 1000);
}

}  // namespace

Delivery::Refused Delivery::WhyRefused(const PGresult* result) const {
  const std::string sqlstate = Field(result, PG_DIAG_SQLSTATE);
  const std::string group = sqlstate.substr(0, 2);
  Error error = ErrorOf(connection_, result);
  const auto transient = [&](const std::string& text) {
    return Refused{Error(ErrorKind::kTransient, text), false};
  };
  if (sqlstate == "55P03") {
    return transient(fmt::format(
        "another session holds a lock on it or on its rows for more than {}; run again when that "
        "session has ended (pg_stat_activity and pg_locks show it)",
        Seconds(kLockTimeout)));
  }
  if (sqlstate == "57014") {
    return transient(fmt::format(
        "a chunk took longer than {}, or somebody cancelled it; look for triggers or missing "
        "indexes, then run again",
        Seconds(kStatementTimeout)));
  }
  if (sqlstate == "40001" || sqlstate == "40P01") {
    return transient("another session changed the same rows at the same time (" + sqlstate +
                     "); run again");
  }
  if (sqlstate == "21000") {
    return {
        Error(ErrorKind::kConversion,
              "two rows of the source have keys that this table holds to be equal; choose a key "
              "that both sides tell apart"),
        false};
  }
  if (sqlstate == "P0001") {
    // Its text is the trigger's, and may hold anything.
    return {Error(ErrorKind::kConversion, "a trigger of the table refused it"), true};
  }
  if (group == "22") {
    return {Error(ErrorKind::kConversion, WithoutValues(Field(result, PG_DIAG_MESSAGE_PRIMARY))),
            true};
  }
  const bool is_row = group == "23" || group == "44";
  if (is_row) {
    return {Error(ErrorKind::kConversion, Field(result, PG_DIAG_MESSAGE_PRIMARY)), true};
  }
  return {std::move(error), false};
}

Delivery::Outcome Delivery::Affected(const QueryResult& result) {
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return WhyRefused(result.get());
  return static_cast<std::uint64_t>(std::strtoull(PQcmdTuples(result.get()), nullptr, 10));
}

Status Delivery::Open() {
  AFL_TRY(Query(connection_, table_.statements.create_stage));
  AFL_ASSIGN(const QueryResult level, Query(connection_, "SHOW wal_level"));
  // An origin of the server's own would need a superuser.
  if (Text(level, 0, 0) == "logical") {
    tell_origin_ = fmt::format("; SELECT pg_catalog.pg_logical_emit_message(true, '{}', {})",
                               kOriginPrefix, QuoteLiteral(integration_.name));
  }
  return Done{};
}

Delivery::Outcome Delivery::Copy(const CopyChunk& chunk, std::size_t begin, std::size_t end,
                                 const std::string& copy) {
  const QueryResult started(PQexec(connection_, copy.c_str()));
  if (PQresultStatus(started.get()) != PGRES_COPY_IN) return WhyRefused(started.get());
  const auto put = [&](std::string_view bytes) {
    constexpr std::size_t kPiece = std::size_t{64} << 10U;  // libpq copies what it is given.
    for (; !bytes.empty(); bytes.remove_prefix(std::min(kPiece, bytes.size()))) {
      const std::string_view piece = bytes.substr(0, kPiece);
      if (PQputCopyData(connection_, piece.data(), static_cast<int>(piece.size())) != 1) return;
    }
  };
  put(kCopyHeader);
  put(chunk.Tuples(begin, end));
  put(kCopyTrailer);
  PQputCopyEnd(connection_, nullptr);  // What fails is told by the result.
  Outcome outcome = std::uint64_t{0};
  while (true) {
    const QueryResult result(PQgetResult(connection_));
    if (result == nullptr) break;
    if (std::holds_alternative<std::uint64_t>(outcome)) outcome = Affected(result);
    if (PQresultStatus(result.get()) == PGRES_COPY_IN) break;  // The connection is gone.
  }
  return outcome;
}

Delivery::Outcome Delivery::Try(const CopyChunk& chunk, std::size_t begin, std::size_t end,
                                const DeliveryStep& step) {
  for (const CopyChunk::Fault& fault : chunk.faults) {
    if (fault.row < begin || fault.row >= end) continue;
    return Refused{Error(ErrorKind::kConversion,
                         fmt::format("column \"{}\" {}", table_.columns[fault.column].name,
                                     Describe(fault.fault))),
                   true};
  }
  Outcome copied = Copy(chunk, begin, end, step.copy);
  if (std::holds_alternative<Refused>(copied)) return copied;
  if (!step.check.empty()) {
    const QueryResult found(PQexec(connection_, step.check.c_str()));
    if (PQresultStatus(found.get()) != PGRES_TUPLES_OK) return WhyRefused(found.get());
    if (PQntuples(found.get()) != 0) {
      const std::string name = Text(found, 0, 0);
      const auto column = std::find_if(table_.columns.begin(), table_.columns.end(),
                                       [&](const auto& known) { return known.name == name; });
      return Refused{
          Error(ErrorKind::kConversion,
                fmt::format("column \"{}\" has a value that {} would round or cut; widen the "
                            "column, or cast in `transform`",
                            name, column == table_.columns.end() ? "" : column->type_name)),
          true};
    }
  }
  return Affected(QueryResult(PQexec(connection_, step.apply.c_str())));
}

Status Delivery::SetAside(std::int64_t number, const Error& why, const KeyOf& key_of,
                          Delivered& delivered) const {
  const std::string key = key_of(number);
  const std::string row = key.empty() ? "a row (its key is masked, or it has none)" : "row " + key;
  const std::string reason = fmt::format("{}: {}", row, why.message());
  if (integration_.on_bad_row == estate::OnBadRow::kFail) {
    return Error(ErrorKind::kConversion,
                 reason +
                     "; correct it, leave it out with `where`, or set such rows aside with "
                     "on_bad_row: dead_letter");
  }
  if (set_aside_ + delivered.set_aside.size() >= data::DeadLetters::kMax) {
    return Error(ErrorKind::kConversion,
                 fmt::format("more than {} rows are refused; the last one: {}",
                             data::DeadLetters::kMax, reason));
  }
  delivered.set_aside.push_back(number);
  delivered.dead_letters.push_back({key, table_.sql_name + ": " + why.message()});
  return Done{};
}

// NOLINTNEXTLINE(misc-no-recursion): log2 of a chunk deep.
Status Delivery::Bisect(const CopyChunk& chunk, std::size_t begin, std::size_t end,
                        const DeliveryStep& step, const KeyOf& key_of, Delivered& delivered) {
  AFL_TRY(Query(connection_, "SAVEPOINT afluente_part"));
  Outcome outcome = Try(chunk, begin, end, step);
  if (const auto* rows = std::get_if<std::uint64_t>(&outcome)) {
    delivered.rows_written += *rows;
    AFL_TRY(Query(connection_,
                  fmt::format("RELEASE SAVEPOINT afluente_part; TRUNCATE {}", kStagingTable)));
    return Done{};
  }
  Refused& refused = std::get<Refused>(outcome);
  if (!refused.is_row) return std::move(refused.error);
  AFL_TRY(
      Query(connection_, "ROLLBACK TO SAVEPOINT afluente_part; RELEASE SAVEPOINT afluente_part"));
  if (end - begin == 1) {
    return SetAside(chunk.numbers[begin], refused.error, key_of, delivered);
  }
  const std::size_t middle = begin + (end - begin) / 2;
  AFL_TRY(Bisect(chunk, begin, middle, step, key_of, delivered));
  return Bisect(chunk, middle, end, step, key_of, delivered);
}

// Deferred constraints would speak up at the commit, of no row in particular.
Status Delivery::Begin() {
  AFL_TRY(Query(connection_,
                fmt::format("BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL "
                            "statement_timeout = {}; SET CONSTRAINTS ALL "
                            "IMMEDIATE{}",
                            kLockTimeout.count(), kStatementTimeout.count(), tell_origin_)));
  return Done{};
}

void Delivery::Rollback() { (void)Query(connection_, "ROLLBACK"); }

Status Delivery::Execute(const std::string& sql, std::uint64_t& rows_written) {
  Outcome outcome = Affected(QueryResult(PQexec(connection_, sql.c_str())));
  if (auto* refused = std::get_if<Refused>(&outcome)) return std::move(refused->error);
  rows_written += std::get<std::uint64_t>(outcome);
  return Done{};
}

Status Delivery::Put(const CopyChunk& chunk, const DeliveryStep& step, const KeyOf& key_of,
                     Delivered& delivered) {
  return Bisect(chunk, 0, chunk.rows(), step, key_of, delivered);
}

Status Delivery::Stage(const CopyChunk& chunk, const std::string& copy) {
  Outcome outcome = Copy(chunk, 0, chunk.rows(), copy);
  if (auto* refused = std::get_if<Refused>(&outcome)) return std::move(refused->error);
  return Done{};
}

Status Delivery::Commit(const DestinationPosition& position) {
  AFL_TRY(WriteDestinationPosition(connection_, integration_.name, position));
  const QueryResult result(PQexec(connection_, "COMMIT"));
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) return WhyRefused(result.get()).error;
  return Done{};
}

void Delivery::Start(const CopyChunk& chunk, const DeliveryStep& step) {
  if (Status begun = Begin(); !begun.ok()) {
    started_ = Refused{std::move(begun).error(), false};
    return;
  }
  started_ = Try(chunk, 0, chunk.rows(), step);
}

Result<Delivered> Delivery::Finish(const CopyChunk& chunk, const DeliveryStep& step,
                                   const KeyOf& key_of, DestinationPosition position) {
  Delivered delivered;
  const auto finish = [&]() -> Status {
    if (const auto* rows = std::get_if<std::uint64_t>(&started_)) {
      delivered.rows_written = *rows;
    } else if (Refused& refused = std::get<Refused>(started_); !refused.is_row) {
      return std::move(refused.error);
    } else {
      Rollback();
      AFL_TRY(Begin());
      AFL_TRY(Put(chunk, step, key_of, delivered));
      position.set_aside = delivered.set_aside;
    }
    return Commit(position);
  };
  if (Status status = finish(); !status.ok()) {
    Rollback();
    return std::move(status).error();
  }
  set_aside_ += delivered.set_aside.size();
  return delivered;
}

Result<Delivered> Delivery::Send(const CopyChunk& chunk, const DeliveryStep& step,
                                 const KeyOf& key_of, DestinationPosition position) {
  Start(chunk, step);
  return Finish(chunk, step, key_of, std::move(position));
}

}  // namespace afluente::postgres
