#include "connectors/postgres/replication/history_log.h"

namespace afluente::postgres {

std::string_view HistoryLog::Keep(std::string_view bytes) {
  bytes_ += bytes.size();
  return {arena_.Copy(bytes.data(), bytes.size()), bytes.size()};
}

void HistoryLog::Append(Op op, std::string_view row, std::string_view origin,
                        const ChangeMoment& moment) {
  Entry entry;
  entry.op = op;
  if (!row.empty()) entry.row = Keep(row);
  if (!origin.empty()) entry.origin = Keep(origin);
  entry.moment = moment;
  if (!entry.complete()) ++incomplete_;
  bytes_ += sizeof(Entry);
  entries_.push_back(entry);
}

// Call it after the key's entry was appended.
void HistoryLog::Remember(std::string_view key) {
  if (key_columns_.empty()) return;
  const std::size_t at = entries_.size() - 1;
  if (const auto known = latest_.find(key); known != latest_.end()) {
    known->second = at;
    return;
  }
  constexpr std::size_t kNodeBytes = 64;  // Of the map, about.
  bytes_ += kNodeBytes;
  latest_.emplace(Keep(key), at);
}

Result<int> HistoryLog::Add(const Message& change, const ChangeMoment& moment) {
  if (change.kind == MessageKind::kTruncate) {
    Append(Op::kTruncate, {}, {}, moment);
  } else if (change.kind == MessageKind::kInsert) {
    AFL_TRY(ReadInsert(change, key_columns_, changed_));
    Append(Op::kInsert, change.new_row.bytes(), {}, moment);
    Remember(changed_.key);
  } else if (change.kind == MessageKind::kDelete) {
    AFL_TRY(ReadDelete(change, key_columns_, changed_));
    const TupleView& old = change.old_row.exists() ? change.old_row : change.old_key;
    Append(Op::kDelete, old.bytes(), {}, moment);
    Remember(changed_.key);
  } else {
    AFL_TRY(Update(change, moment));
    ++changes_;
    return changed_.old_key == changed_.key ? 1 : 2;
  }
  ++changes_;
  return 1;
}

Status HistoryLog::Update(const Message& update, const ChangeMoment& moment) {
  AFL_TRY(ReadUpdate(update, key_columns_, changed_));
  const std::string& old_key = changed_.old_key;
  std::string_view row = update.new_row.bytes();
  std::string_view origin;
  if (changed_.lacks_values) {
    if (!FillUnchanged(update.old_row, changed_.cells, changed_.scratch)) {
      const auto known = latest_.find(old_key);
      const Entry* before = known == latest_.end() ? nullptr : &entries_[known->second];
      origin = old_key;
      if (before != nullptr && before->op != Op::kDelete) {
        const bool complete =
            FillUnchanged(TupleView(before->row), changed_.cells, changed_.scratch);
        // What that entry lacks itself stands where it looks for it.
        origin = complete ? std::string_view() : before->origin;
      }
    }
    EncodeTuple(changed_.cells, filled_);
    row = filled_;
  }
  ChangeMoment then = moment;
  if (old_key != changed_.key) {
    const TupleView& old = update.old_row.exists() ? update.old_row : update.old_key;
    Append(Op::kDelete, old.bytes(), {}, then);
    Remember(old_key);
    ++then.ordinal;
  }
  Append(Op::kUpdate, row, origin, then);
  Remember(changed_.key);
  return Done{};
}

}  // namespace afluente::postgres
