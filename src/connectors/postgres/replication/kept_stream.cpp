#include "connectors/postgres/replication/kept_stream.h"

#include <algorithm>

#include "connectors/postgres/replication/change_stream.h"

namespace afluente::postgres {

// Every transaction is a place to stop at, as in the stream itself.
Result<pipeline::ChangeSource::State> KeptStream::Pump(std::chrono::milliseconds patience) {
  AFL_TRY(tables_->LookAtTables());
  while (!at_end_) {
    if (!next_) {
      AFL_ASSIGN(next_, changes_->Next());
    }
    at_end_ = !next_;
    if (at_end_ || (!between_ && next_->moment.commit != commit_)) {
      between_ = true;
      return State::kReady;
    }
    AFL_ASSIGN(const bool folded, Fold(*next_));
    if (!folded) return State::kMustTake;
    next_.reset();
    if (tables_->bytes() >= bytes_max_) return State::kMustTake;
  }
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, patience, [this] { return awake_; });
  awake_ = false;
  return State::kIdle;
}

// False: what is folded must be taken first.
Result<bool> KeptStream::Fold(const KeptChange& change) {
  AFL_TRY(ParseMessage(change.payload, change.in_stream, message_));
  if (message_.kind == MessageKind::kRelation) return tables_->Learn(message_.described);
  commit_ = change.moment.commit;
  last_commit_ = change.moment.time;
  between_ = false;
  const bool is_truncate = message_.kind == MessageKind::kTruncate;
  const auto relations =
      is_truncate ? message_.truncated : std::vector<std::uint32_t>{message_.relation};
  for (const std::uint32_t relation : relations) {
    AFL_TRY(tables_->Fold(relation, message_, change.moment));
  }
  return true;
}

data::Position KeptStream::position() const {
  if (at_end_) return ToPosition(changes_->range().until);
  // Whatever committed next did so behind this place.
  return ToPosition(std::max(changes_->range().from, Lsn{commit_.value + 1}));
}

pipeline::ChangeSet KeptStream::Take() {
  pipeline::ChangeSet set = tables_->Take();
  if (between_) {
    set.end = position();
    set.committed_at = ToWallTime(last_commit_);
  }
  return set;
}

void KeptStream::Wake() {
  {
    const std::lock_guard lock(mutex_);
    awake_ = true;
  }
  wake_.notify_all();
}

}  // namespace afluente::postgres
