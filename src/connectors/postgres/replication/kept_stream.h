// What was kept of a table that took no part, as a source: before it joins its stream again.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "connectors/postgres/replication/followed_tables.h"
#include "connectors/postgres/replication/kept_changes.h"
#include "pipeline/changes.h"

namespace afluente::postgres {

/// Reads a file of kept changes to its end and folds them. One thread uses it.
class KeptStream final : public pipeline::ChangeSource {
 public:
  /// `changes`: from its beginning. `tables`: the one table that it is about.
  /// `bytes_max`: changes beyond this are handed out in parts.
  KeptStream(std::unique_ptr<KeptReader> changes, std::unique_ptr<FollowedTables> tables,
             std::size_t bytes_max)
      : changes_(std::move(changes)), tables_(std::move(tables)), bytes_max_(bytes_max) {}

  /// As ChangeStream's.
  bool needs_text() const { return tables_->needs_text(); }
  bool written_anew() const { return tables_->written_anew(); }

  Result<State> Pump(std::chrono::milliseconds patience) override;
  pipeline::ChangeSet Take() override;
  bool has_changes() const override { return tables_->has_changes(); }
  bool has_mark() const override { return false; }
  bool between_transactions() const override { return between_; }
  data::Position position() const override;
  bool caught_up() const override { return at_end_; }
  Status Confirm(const data::Position&) override { return Done{}; }
  Status KeepAlive() override { return Done{}; }
  void Wake() override;
  std::string culprit() const override { return tables_->culprit(); }

 private:
  Result<bool> Fold(const KeptChange& change);

  std::unique_ptr<KeptReader> changes_;
  std::unique_ptr<FollowedTables> tables_;
  const std::size_t bytes_max_;
  Message message_;
  std::optional<KeptChange> next_;  // Read, not folded.
  Lsn commit_;                      // Of the transaction in hand.
  PostgresMicros last_commit_ = 0;
  bool between_ = true;
  bool at_end_ = false;
  std::mutex mutex_;  // Guards awake_.
  std::condition_variable wake_;
  bool awake_ = false;
};

}  // namespace afluente::postgres
