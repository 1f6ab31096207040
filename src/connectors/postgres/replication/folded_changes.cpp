#include "connectors/postgres/replication/folded_changes.h"

#include <algorithm>

#include "connectors/postgres/epoch.h"
#include "connectors/postgres/replication/shaped_changes.h"

namespace afluente::postgres {
namespace {

using Entry = ChangeFold::Entry;

// Which entries a reader yields, and what of them.
enum class Yields : std::uint8_t { kKeys, kMarkedKeys, kRows, kIncompleteRows };

bool Wants(Yields yields, const Entry& entry) {
  switch (yields) {
    case Yields::kKeys:
      return entry.replaces();
    case Yields::kMarkedKeys:
      return entry.marked;
    case Yields::kRows:
      return entry.has_row() && entry.complete();
    case Yields::kIncompleteRows:
      return entry.has_row() && !entry.complete();
  }
  return false;
}

std::size_t Count(Yields yields, const ChangeFold& fold) {
  return static_cast<std::size_t>(
      std::count_if(fold.entries().begin(), fold.entries().end(),
                    [yields](const Entry& entry) { return Wants(yields, entry); }));
}

bool IsOfRows(Yields yields) {
  return yields == Yields::kRows || yields == Yields::kIncompleteRows;
}

class FoldReader final : public data::BatchReader {
 public:
  FoldReader(const TableShape& shape, const ChangeFold& fold, Yields yields, SetAsideRows& aside)
      : shape_(shape), fold_(fold), yields_(yields), aside_(aside), decoder_(shape) {}

  Result<std::size_t> Next(data::Batch& batch) override {
    decoder_.BeginBatch();
    std::size_t rows = 0;
    const std::vector<Entry>& entries = fold_.entries();
    for (; rows < data::Batch::kRows && next_ < entries.size(); ++next_) {
      if (!Wants(yields_, entries[next_])) continue;
      if (IsOfRows(yields_) && aside_.Has(next_)) continue;
      if (aside_.is_wanted()) decoder_.BeginRow(batch);
      const Status decoded = Decode(entries[next_], rows, batch);
      if (decoded.ok()) {
        ++rows;
      } else {
        AFL_TRY(SetAside(decoded.error(), rows, batch));
      }
    }
    return rows;
  }

 private:
  Status SetAside(const Error& why, std::size_t row, data::Batch& batch) {
    const Entry& entry = fold_.entries()[next_];
    if (!aside_.is_wanted()) return aside_.Refuse(entry.row, why.message(), decoder_.bad_value());
    decoder_.TakeBack(row, batch);
    // No row stands under a key that the destination cannot hold.
    if (!IsOfRows(yields_)) return Done{};
    return aside_.Add(next_, entry.row, entry.commit, why.message());
  }

  Status Decode(const Entry& entry, std::size_t row, data::Batch& batch) {
    switch (yields_) {
      case Yields::kKeys:
        return decoder_.DecodeKeyCells(entry.key, row, 0, batch);
      case Yields::kMarkedKeys:
        batch.columns()[shape_.key.size()].Set(row, entry.time + kEpochMicros);
        return decoder_.DecodeKeyCells(entry.key, row, 0, batch);
      case Yields::kRows:
        return decoder_.DecodeRow(entry.row, row, false, batch);
      case Yields::kIncompleteRows:
        AFL_TRY(decoder_.DecodeRow(entry.row, row, true, batch));
        return decoder_.DecodeKeyCells(entry.origin, row, 2 * shape_.row_schema.size(), batch);
    }
    return Done{};
  }

  const TableShape& shape_;
  const ChangeFold& fold_;
  const Yields yields_;
  SetAsideRows& aside_;
  ChangeDecoder decoder_;
  std::size_t next_ = 0;
};

class FoldedChanges final : public ShapedChanges {
 public:
  FoldedChanges(const estate::Integration& integration, std::shared_ptr<const TableShape> shape,
                std::unique_ptr<ChangeFold> fold)
      : ShapedChanges(integration, std::move(shape)),
        fold_(std::move(fold)),
        keys_(Count(Yields::kKeys, *fold_)),
        marked_keys_(Count(Yields::kMarkedKeys, *fold_)) {}

  std::optional<WallTime> truncated_at() const override {
    const auto time = fold_->truncated_at();
    if (!time) return std::nullopt;
    return WallTime(std::chrono::microseconds(*time + kEpochMicros));
  }
  std::uint64_t changes() const override { return fold_->changes(); }
  std::size_t keys() const override { return keys_; }
  std::size_t marked_keys() const override { return marked_keys_; }
  std::size_t rows() const override { return CountRows(Yields::kRows); }
  std::size_t incomplete_rows() const override { return CountRows(Yields::kIncompleteRows); }
  std::unique_ptr<data::BatchReader> ReadKeys() override { return Read(Yields::kKeys); }
  std::unique_ptr<data::BatchReader> ReadMarkedKeys() override { return Read(Yields::kMarkedKeys); }
  std::unique_ptr<data::BatchReader> ReadRows() override { return Read(Yields::kRows); }
  std::unique_ptr<data::BatchReader> ReadIncompleteRows() override {
    return Read(Yields::kIncompleteRows);
  }

  Status SetAside(Rows rows, const std::map<std::size_t, std::string>& reasons) override {
    std::vector<std::pair<std::size_t, std::string>> found;
    EachRow(rows, [&](std::size_t number, std::size_t entry) {
      const auto reason = reasons.find(number);
      if (reason != reasons.end()) found.emplace_back(entry, reason->second);
    });
    for (const auto& [at, reason] : found) {
      const Entry& entry = fold_->entries()[at];
      AFL_TRY(aside().Add(at, entry.row, entry.commit, reason));
    }
    return Done{};
  }
  std::string NameOf(Rows rows, std::size_t row) const override {
    std::string name;
    EachRow(rows, [&](std::size_t number, std::size_t entry) {
      if (number == row) name = aside().KeyText(fold_->entries()[entry].row);
    });
    return name;
  }

 private:
  std::unique_ptr<data::BatchReader> Read(Yields yields) {
    return std::make_unique<FoldReader>(shape(), *fold_, yields, aside());
  }

  // Calls `visit` with the number and the entry of each row that is yielded.
  template <class F>
  void EachRow(Yields yields, const F& visit) const {
    std::size_t number = 0;
    for (std::size_t i = 0; i < fold_->entries().size(); ++i) {
      if (Wants(yields, fold_->entries()[i]) && !aside().Has(i)) visit(number++, i);
    }
  }
  template <class F>
  void EachRow(Rows rows, const F& visit) const {
    EachRow(rows == Rows::kComplete ? Yields::kRows : Yields::kIncompleteRows, visit);
  }

  std::size_t CountRows(Yields yields) const {
    std::size_t rows = 0;
    EachRow(yields, [&](std::size_t, std::size_t) { ++rows; });
    return rows;
  }

  const std::unique_ptr<ChangeFold> fold_;
  const std::size_t keys_;
  const std::size_t marked_keys_;
};

class FoldCollector final : public ChangeCollector {
 public:
  FoldCollector(const estate::Integration& integration, std::shared_ptr<const TableShape> shape,
                ChangeFold::Deleted deleted)
      : integration_(integration),
        shape_(std::move(shape)),
        fold_(std::make_unique<ChangeFold>(shape_->key_columns, deleted)) {}

  Result<int> Add(const Message& change, const ChangeMoment& moment) override {
    if (change.kind == MessageKind::kInsert) {
      AFL_TRY(fold_->Insert(change, moment));
    } else if (change.kind == MessageKind::kUpdate) {
      AFL_TRY(fold_->Update(change, moment));
    } else if (change.kind == MessageKind::kDelete) {
      AFL_TRY(fold_->Delete(change, moment));
    } else {
      fold_->Truncate(moment.time);
    }
    return 1;
  }
  bool empty() const override { return fold_->empty(); }
  std::size_t bytes() const override { return fold_->bytes(); }
  std::uint64_t changes() const override { return fold_->changes(); }
  std::unique_ptr<pipeline::TableChanges> Take() override {
    return std::make_unique<FoldedChanges>(integration_, shape_, std::move(fold_));
  }

 private:
  const estate::Integration& integration_;
  const std::shared_ptr<const TableShape> shape_;
  std::unique_ptr<ChangeFold> fold_;
};

}  // namespace

std::unique_ptr<ChangeCollector> MakeFoldCollector(const estate::Integration& integration,
                                                   std::shared_ptr<const TableShape> shape,
                                                   ChangeFold::Deleted deleted) {
  return std::make_unique<FoldCollector>(integration, std::move(shape), deleted);
}

}  // namespace afluente::postgres
