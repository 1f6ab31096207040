#include "connectors/postgres/replication/change_fold.h"

#include <algorithm>
#include <functional>

namespace afluente::postgres {

std::size_t ChangeFold::complete_rows() const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [](const Entry& entry) { return entry.has_row() && entry.complete(); }));
}

std::size_t ChangeFold::incomplete_rows() const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [](const Entry& entry) { return entry.has_row() && !entry.complete(); }));
}

std::string_view ChangeFold::Keep(std::string_view bytes) {
  bytes_ += bytes.size();
  return {arena_.Copy(bytes.data(), bytes.size()), bytes.size()};
}

ChangeFold::Entry* ChangeFold::Find(std::string_view key, std::uint64_t hash) {
  if (slots_.empty()) return nullptr;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at] != 0; at = (at + 1) & mask) {
    Entry& entry = entries_[slots_[at] - 1];
    if (entry.hash == hash && entry.key == key) return &entry;
  }
  return nullptr;
}

void ChangeFold::Grow() {
  constexpr std::size_t kFirst = 1024;
  slots_.assign(std::max(kFirst, slots_.size() * 2), 0);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    std::size_t at = entries_[i].hash & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = static_cast<std::uint32_t>(i + 1);
  }
}

ChangeFold::Entry& ChangeFold::FindOrAdd(std::string_view key) {
  Entry added;
  if (!key_columns_.empty()) {
    added.hash = std::hash<std::string_view>()(key);
    if (Entry* known = Find(key, added.hash)) return *known;
    if ((entries_.size() + 1) * 2 > slots_.size()) Grow();
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = added.hash & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = static_cast<std::uint32_t>(entries_.size() + 1);
  }
  added.key = Keep(key);
  bytes_ += sizeof(Entry) + 2 * sizeof(std::uint32_t);
  entries_.push_back(added);
  return entries_.back();
}

void ChangeFold::SetRow(Entry& entry, std::string_view row, const ChangeMoment& moment) {
  entry.row = Keep(row);
  entry.origin = {};
  entry.time = moment.time;
  entry.commit = moment.commit;
  entry.marked = false;
}

Status ChangeFold::Insert(const Message& insert, const ChangeMoment& moment) {
  AFL_TRY(ReadInsert(insert, key_columns_, changed_));
  SetRow(FindOrAdd(changed_.key), insert.new_row.bytes(), moment);
  ++changes_;
  return Done{};
}

Status ChangeFold::Update(const Message& update, const ChangeMoment& moment) {
  AFL_TRY(ReadUpdate(update, key_columns_, changed_));
  const std::string& old_key = changed_.old_key;
  ++changes_;

  std::string_view row = update.new_row.bytes();
  std::string_view origin;
  std::string filled;
  if (changed_.lacks_values) {
    bool complete = FillUnchanged(update.old_row, changed_.cells, changed_.scratch);
    if (!complete) {
      const Entry* before = Find(old_key, std::hash<std::string_view>()(old_key));
      origin = old_key;
      if (before != nullptr && before->lives()) {
        complete = FillUnchanged(TupleView(before->row), changed_.cells, changed_.scratch);
        if (!before->complete()) origin = before->origin;
      }
      if (complete) origin = {};
    }
    EncodeTuple(changed_.cells, filled);
    row = filled;
  }
  if (!origin.empty()) origin = Keep(origin);
  if (old_key != changed_.key) {
    // It moved: that is no deletion, whatever becomes of deleted rows.
    Entry& gone = FindOrAdd(old_key);
    gone.row = {};
    gone.origin = {};
    gone.time = moment.time;
    gone.marked = false;
  }
  Entry& entry = FindOrAdd(changed_.key);
  SetRow(entry, row, moment);
  entry.origin = origin;
  return Done{};
}

Status ChangeFold::Delete(const Message& deletion, const ChangeMoment& moment) {
  AFL_TRY(ReadDelete(deletion, key_columns_, changed_));
  Entry& entry = FindOrAdd(changed_.key);
  entry.time = moment.time;
  entry.marked = deleted_ == Deleted::kMarked;
  if (!entry.marked) {
    entry.row = {};
    entry.origin = {};
  }
  ++changes_;
  return Done{};
}

void ChangeFold::Truncate(PostgresMicros time) {
  const std::uint64_t changes = changes_ + 1;
  if (deleted_ == Deleted::kForgotten) Clear();
  for (Entry& entry : entries_) {
    if (!entry.lives()) continue;
    entry.marked = true;
    entry.time = time;
  }
  changes_ = changes;
  if (!truncated_at_) truncated_at_ = time;
}

void ChangeFold::Clear() {
  constexpr std::size_t kSlotsKept = std::size_t{1} << 16U;
  if (slots_.size() > kSlotsKept) {
    slots_ = {};
    entries_ = {};
  } else {
    std::fill(slots_.begin(), slots_.end(), 0);
    entries_.clear();
  }
  arena_.Clear();
  bytes_ = 0;
  changes_ = 0;
  truncated_at_.reset();
}

}  // namespace afluente::postgres
