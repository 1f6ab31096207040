#include "connectors/postgres/replication/change_fold.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "connectors/postgres/big_endian.h"

namespace afluente::postgres {
namespace {

using Kind = TupleCell::Kind;

void AppendCell(std::string& out, const TupleCell& cell) {
  out += static_cast<char>(cell.kind);
  if (cell.kind == Kind::kNull || cell.kind == Kind::kUnchanged) return;
  AppendBigEndian(static_cast<std::uint32_t>(cell.bytes.size()), out);
  out += cell.bytes;
}

void EncodeTuple(const std::vector<TupleCell>& cells, std::string& out) {
  out.clear();
  AppendBigEndian(static_cast<std::uint16_t>(cells.size()), out);
  for (const TupleCell& cell : cells) AppendCell(out, cell);
}

bool HasUnchanged(const std::vector<TupleCell>& cells) {
  return std::any_of(cells.begin(), cells.end(),
                     [](const TupleCell& cell) { return cell.kind == Kind::kUnchanged; });
}

}  // namespace

void EncodeKey(const std::vector<TupleCell>& cells, const std::vector<std::size_t>& columns,
               std::string& key) {
  key.clear();
  for (const std::size_t column : columns) AppendCell(key, cells[column]);
}

void DecodeKey(std::string_view key, std::vector<TupleCell>& cells) {
  cells.clear();
  const char* next = key.data();
  const char* const end = key.data() + key.size();
  while (next != end) {
    const auto kind = static_cast<Kind>(*next++);
    std::uint32_t size = 0;
    if (kind == Kind::kText || kind == Kind::kBinary) {
      size = ReadBigEndian<std::uint32_t>(next);
      next += 4;
    }
    cells.push_back({kind, {next, size}});
    next += size;
  }
}

std::size_t ChangeFold::live_complete() const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [](const Entry& entry) { return entry.lives() && entry.complete(); }));
}

std::size_t ChangeFold::live_incomplete() const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [](const Entry& entry) { return entry.lives() && !entry.complete(); }));
}

std::string_view ChangeFold::Keep(std::string_view bytes) {
  bytes_ += bytes.size();
  return {arena_.Copy(bytes.data(), bytes.size()), bytes.size()};
}

Status ChangeFold::TakeKey(const TupleView& tuple, std::vector<TupleCell>& cells,
                           std::string& key) const {
  tuple.Split(cells);
  return EncodeWholeKey(cells, key);
}

Status ChangeFold::EncodeWholeKey(const std::vector<TupleCell>& cells, std::string& key) const {
  for (const std::size_t column : key_columns_) {
    if (column >= cells.size()) {
      return Error(ErrorKind::kInternal, "a changed row has fewer columns than its table");
    }
    if (cells[column].kind != Kind::kUnchanged) continue;
    return Error(ErrorKind::kInternal, "a changed row does not carry its key");
  }
  EncodeKey(cells, key_columns_, key);
  return Done{};
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

void ChangeFold::SetRow(Entry& entry, std::string_view row, PostgresMicros time) {
  entry.row = Keep(row);
  entry.origin = {};
  entry.time = time;
}

Status ChangeFold::Insert(const TupleView& row, PostgresMicros time) {
  AFL_TRY(TakeKey(row, cells_, key_));
  SetRow(FindOrAdd(key_), row.bytes(), time);
  ++changes_;
  return Done{};
}

// Takes what cells_ lacks from the columns of `from`; true when nothing lacks.
bool ChangeFold::FillUnchanged(const TupleView& from) {
  if (!from.exists()) return !HasUnchanged(cells_);
  from.Split(old_cells_);
  for (std::size_t i = 0; i < cells_.size() && i < old_cells_.size(); ++i) {
    if (cells_[i].kind == Kind::kUnchanged) cells_[i] = old_cells_[i];
  }
  return !HasUnchanged(cells_);
}

Status ChangeFold::Update(const Message& update, PostgresMicros time) {
  if (key_columns_.empty()) {
    return Error(ErrorKind::kSchemaMismatch,
                 "an update arrived for a table without a key; give it a primary key or REPLICA "
                 "IDENTITY USING INDEX");
  }
  const TupleView& old = update.old_row.exists() ? update.old_row : update.old_key;
  if (old.exists()) AFL_TRY(TakeKey(old, old_cells_, old_key_));
  update.new_row.Split(cells_);
  const bool lacks_values = HasUnchanged(cells_);
  // A key that is large enough to be TOASTed is not sent again either.
  for (const std::size_t column : key_columns_) {
    const bool is_sent = column >= cells_.size() || cells_[column].kind != Kind::kUnchanged;
    if (!is_sent && old.exists()) cells_[column] = old_cells_[column];
  }
  AFL_TRY(EncodeWholeKey(cells_, key_));
  if (!old.exists()) old_key_ = key_;
  ++changes_;

  std::string_view row = update.new_row.bytes();
  std::string_view origin;
  std::string filled;
  if (lacks_values) {
    bool complete = FillUnchanged(update.old_row);
    if (!complete) {
      const Entry* before = Find(old_key_, std::hash<std::string_view>()(old_key_));
      origin = old_key_;
      if (before != nullptr && before->lives()) {
        complete = FillUnchanged(TupleView(before->row));
        if (!before->complete()) origin = before->origin;
      }
      if (complete) origin = {};
    }
    EncodeTuple(cells_, filled);
    row = filled;
  }
  if (!origin.empty()) origin = Keep(origin);
  if (old_key_ != key_) {
    Entry& gone = FindOrAdd(old_key_);
    gone.row = {};
    gone.origin = {};
    gone.time = time;
  }
  Entry& entry = FindOrAdd(key_);
  SetRow(entry, row, time);
  entry.origin = origin;
  return Done{};
}

Status ChangeFold::Delete(const Message& deletion, PostgresMicros time) {
  const TupleView& old = deletion.old_row.exists() ? deletion.old_row : deletion.old_key;
  if (key_columns_.empty() || !old.exists()) {
    return Error(ErrorKind::kSchemaMismatch,
                 "a delete arrived for a table without a key; give it a primary key or REPLICA "
                 "IDENTITY USING INDEX");
  }
  AFL_TRY(TakeKey(old, old_cells_, old_key_));
  Entry& entry = FindOrAdd(old_key_);
  entry.row = {};
  entry.origin = {};
  entry.time = time;
  ++changes_;
  return Done{};
}

void ChangeFold::Truncate() {
  const std::uint64_t changes = changes_;
  Clear();
  changes_ = changes + 1;
  truncated_ = true;
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
  truncated_ = false;
}

}  // namespace afluente::postgres
