// A logical replication stream: whatever a server or a network sends must not be read past its end,
// and what was parsed must be folded without losing a key or a value.
#include "connectors/postgres/replication/pgoutput.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "connectors/postgres/big_endian.h"
#include "connectors/postgres/replication/change_fold.h"
#include "connectors/postgres/replication/history_log.h"
#include "connectors/postgres/replication/row_fold.h"

namespace {

using afluente::postgres::ChangeFold;
using afluente::postgres::DecodeKey;
using afluente::postgres::HistoryLog;
using afluente::postgres::Message;
using afluente::postgres::MessageKind;
using afluente::postgres::ParseMessage;
using afluente::postgres::ReadBigEndian;
using afluente::postgres::RowFold;
using afluente::postgres::TupleCell;
using afluente::postgres::TupleView;

// Every view must lie within the message.
void CheckTuple(const TupleView& tuple, std::string_view message, std::vector<TupleCell>& cells) {
  if (!tuple.exists()) return;
  tuple.Split(cells);
  const char* const end = message.data() + message.size();
  for (const TupleCell& cell : cells) {
    if (cell.bytes.empty()) continue;
    if (cell.bytes.data() < message.data() || cell.bytes.data() + cell.bytes.size() > end) {
      std::abort();
    }
  }
}

void Fold(ChangeFold& fold, const Message& message) {
  switch (message.kind) {
    case MessageKind::kInsert:
      (void)fold.Insert(message, {});
      return;
    case MessageKind::kUpdate:
      (void)fold.Update(message, {});
      return;
    case MessageKind::kDelete:
      (void)fold.Delete(message, {});
      return;
    case MessageKind::kTruncate:
      fold.Truncate(4);
      return;
    case MessageKind::kBegin:
    case MessageKind::kCommit:
    case MessageKind::kRelation:
    case MessageKind::kLogical:
    case MessageKind::kOrigin:
    case MessageKind::kType:
    case MessageKind::kStreamStart:
    case MessageKind::kStreamStop:
    case MessageKind::kStreamCommit:
    case MessageKind::kStreamAbort:
      return;
  }
}

// A row lacks values exactly when it says so, and each key has as many cells.
void CheckFold(const ChangeFold& fold, std::size_t key_columns, std::vector<TupleCell>& cells) {
  std::size_t lives = 0;
  for (const ChangeFold::Entry& entry : fold.entries()) {
    DecodeKey(entry.key, cells);
    if (cells.size() != key_columns) std::abort();
    if (!entry.lives()) continue;
    ++lives;
    if (!entry.complete()) {
      DecodeKey(entry.origin, cells);
      if (cells.size() != key_columns) std::abort();
    }
    TupleView(entry.row).Split(cells);
  }
  if (lives != fold.complete_rows() + fold.incomplete_rows()) std::abort();
}

template <class Collected>
void Log(Collected& log, const Message& message) {
  const bool is_change =
      message.kind == MessageKind::kInsert || message.kind == MessageKind::kUpdate ||
      message.kind == MessageKind::kDelete || message.kind == MessageKind::kTruncate;
  if (is_change) (void)log.Add(message, {});
}

void CheckLog(const HistoryLog& log, std::size_t key_columns, std::vector<TupleCell>& cells) {
  std::size_t incomplete = 0;
  for (const HistoryLog::Entry& entry : log.entries()) {
    if (entry.row.empty() != (entry.op == HistoryLog::Op::kTruncate)) std::abort();
    if (!entry.row.empty()) TupleView(entry.row).Split(cells);
    if (entry.complete()) continue;
    ++incomplete;
    DecodeKey(entry.origin, cells);
    if (cells.size() != key_columns) std::abort();
  }
  if (incomplete != log.incomplete()) std::abort();
}

void CheckRows(const RowFold& rows, std::vector<TupleCell>& cells) {
  for (const RowFold::Entry& entry : rows.entries()) TupleView(entry.row).Split(cells);
}

}  // namespace

// An input is a stream: a length of 4 bytes before each message. Cut at random,
// the rest is one message.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<ChangeFold> folds;
  folds.emplace_back(std::vector<std::size_t>{0});
  folds.emplace_back(std::vector<std::size_t>{1, 0});
  folds.emplace_back(std::vector<std::size_t>{});
  std::vector<HistoryLog> logs;
  logs.emplace_back(std::vector<std::size_t>{1, 0});
  logs.emplace_back(std::vector<std::size_t>{});
  RowFold rows({true, false, true});
  std::vector<TupleCell> cells;
  Message message;
  bool in_stream = false;
  while (!rest.empty()) {
    std::size_t length = rest.size();
    if (rest.size() > 4) {
      const auto wanted = ReadBigEndian<std::uint32_t>(rest.data());
      if (wanted <= rest.size() - 4) length = wanted;
      if (length != rest.size()) rest.remove_prefix(4);
    }
    // A copy of exact size: the sanitizer sees a read past its end.
    const std::vector<char> bytes(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(length));
    rest.remove_prefix(length);
    const std::string_view exact(bytes.data(), bytes.size());
    (void)ParseMessage(exact, !in_stream, message);
    if (!ParseMessage(exact, in_stream, message).ok()) continue;
    if (message.kind == MessageKind::kStreamStart) in_stream = true;
    if (message.kind == MessageKind::kStreamStop) in_stream = false;
    CheckTuple(message.old_key, exact, cells);
    CheckTuple(message.old_row, exact, cells);
    CheckTuple(message.new_row, exact, cells);
    for (ChangeFold& fold : folds) Fold(fold, message);
    for (HistoryLog& log : logs) Log(log, message);
    Log(rows, message);
  }
  CheckFold(folds[0], 1, cells);
  CheckFold(folds[1], 2, cells);
  CheckFold(folds[2], 0, cells);
  CheckLog(logs[0], 2, cells);
  CheckLog(logs[1], 0, cells);
  CheckRows(rows, cells);
  return 0;
}
