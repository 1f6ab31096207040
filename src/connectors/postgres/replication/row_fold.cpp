#include "connectors/postgres/replication/row_fold.h"

#include "connectors/postgres/replication/tuple_cells.h"

namespace afluente::postgres {

Result<int> RowFold::Add(const Message& change, const ChangeMoment& moment) {
  if (change.kind == MessageKind::kTruncate) {
    Truncate(moment.time);
  } else if (change.kind == MessageKind::kInsert || change.old_row.exists()) {
    AFL_TRY(Take(change.old_row, change.new_row, moment));
  } else {
    return Error(ErrorKind::kSchemaMismatch,
                 "an update or delete arrived for a table without a key that does not send the "
                 "whole old row; ALTER TABLE ... REPLICA IDENTITY FULL, also of each partition");
  }
  ++changes_;
  return 1;
}

Status RowFold::Take(const TupleView& old_row, const TupleView& new_row,
                     const ChangeMoment& moment) {
  if (new_row.exists()) {
    new_row.Split(cells_);
    if (!FillUnchanged(old_row, cells_, scratch_)) {
      return Error(ErrorKind::kInternal, "a changed row lacks values that its old row has not");
    }
    AFL_TRY(Count(cells_, 1, moment));
  }
  if (!old_row.exists()) return Done{};
  old_row.Split(old_cells_);
  return Count(old_cells_, -1, moment);
}

Status RowFold::Count(std::vector<TupleCell>& cells, std::int64_t by, const ChangeMoment& moment) {
  if (cells.size() > is_read_.size()) {
    return Error(ErrorKind::kInternal, "a changed row has more columns than its table");
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!is_read_[i]) cells[i] = {};
  }
  EncodeTuple(cells, encoded_);
  auto found = places_.find(encoded_);
  if (found == places_.end()) {
    constexpr std::size_t kNodeBytes = 64;  // Of the map, about.
    const std::string_view kept(arena_.Copy(encoded_.data(), encoded_.size()), encoded_.size());
    bytes_ += encoded_.size() + sizeof(Entry) + kNodeBytes;
    found = places_.emplace(kept, entries_.size()).first;
    entries_.push_back({kept, 0, {}});
  }
  Entry& entry = entries_[found->second];
  entry.net += by;
  entry.commit = moment.commit;
  return Done{};
}

void RowFold::Truncate(PostgresMicros time) {
  places_.clear();
  entries_.clear();
  arena_.Clear();
  bytes_ = 0;
  if (!truncated_at_) truncated_at_ = time;
}

}  // namespace afluente::postgres
