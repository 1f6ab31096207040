#include "connectors/postgres/replication/whole_row_changes.h"

#include "connectors/postgres/epoch.h"
#include "connectors/postgres/replication/row_fold.h"
#include "connectors/postgres/replication/shaped_changes.h"

namespace afluente::postgres {
namespace {

using Entry = RowFold::Entry;

// How many rows of the entry a reader yields: of those that came, or that went.
std::size_t Copies(const Entry& entry, bool gone) {
  const std::int64_t net = gone ? -entry.net : entry.net;
  return net > 0 ? static_cast<std::size_t>(net) : 0;
}

class WholeRowReader final : public data::BatchReader {
 public:
  WholeRowReader(const TableShape& shape, const RowFold& fold, bool gone, SetAsideRows& aside)
      : fold_(fold), gone_(gone), aside_(aside), decoder_(shape) {}

  Result<std::size_t> Next(data::Batch& batch) override {
    decoder_.BeginBatch();
    std::size_t rows = 0;
    while (rows < data::Batch::kRows && next_ < fold_.entries().size()) {
      const Entry& entry = fold_.entries()[next_];
      if (copy_ == Copies(entry, gone_) || aside_.Has(next_)) {
        ++next_;
        copy_ = 0;
        continue;
      }
      if (aside_.is_wanted()) decoder_.BeginRow(batch);
      const Status decoded = decoder_.DecodeRow(entry.row, rows, false, batch);
      if (decoded.ok()) {
        ++rows;
        ++copy_;
      } else {
        AFL_TRY(SetAside(entry, decoded.error(), rows, batch));
      }
    }
    return rows;
  }

 private:
  Status SetAside(const Entry& entry, const Error& why, std::size_t row, data::Batch& batch) {
    if (!aside_.is_wanted()) return aside_.Refuse(entry.row, why.message(), decoder_.bad_value());
    decoder_.TakeBack(row, batch);
    if (!gone_)
      return aside_.Add(next_, entry.row, entry.commit, why.message(), Copies(entry, false));
    aside_.AddSilently(next_);  // It does not stand there.
    return Done{};
  }

  const RowFold& fold_;
  const bool gone_;
  SetAsideRows& aside_;
  ChangeDecoder decoder_;
  std::size_t next_ = 0;
  std::size_t copy_ = 0;  // Of the next entry.
};

class WholeRowChanges final : public ShapedChanges {
 public:
  WholeRowChanges(const estate::Integration& integration, std::shared_ptr<const TableShape> shape,
                  std::unique_ptr<RowFold> fold)
      : ShapedChanges(integration, std::move(shape)), fold_(std::move(fold)) {}

  std::optional<WallTime> truncated_at() const override {
    const auto time = fold_->truncated_at();
    if (!time) return std::nullopt;
    return WallTime(std::chrono::microseconds(*time + kEpochMicros));
  }
  std::uint64_t changes() const override { return fold_->changes(); }
  std::size_t keys() const override { return 0; }
  std::size_t marked_keys() const override { return 0; }
  std::size_t rows() const override { return CountRows(false); }
  std::size_t incomplete_rows() const override { return 0; }
  std::size_t gone_rows() const override { return CountRows(true); }
  std::unique_ptr<data::BatchReader> ReadKeys() override { return std::make_unique<NoRows>(); }
  std::unique_ptr<data::BatchReader> ReadMarkedKeys() override {
    return std::make_unique<NoRows>();
  }
  std::unique_ptr<data::BatchReader> ReadRows() override { return Read(false); }
  std::unique_ptr<data::BatchReader> ReadIncompleteRows() override {
    return std::make_unique<NoRows>();
  }
  std::unique_ptr<data::BatchReader> ReadGoneRows() override { return Read(true); }

  Status SetAside(Rows rows, const std::map<std::size_t, std::string>& reasons) override {
    const bool gone = rows == Rows::kGone;
    std::map<std::size_t, std::string> found;  // By entry: its rows are the same.
    EachEntry(gone, [&](std::size_t first, std::size_t entry) {
      const auto reason = reasons.lower_bound(first);
      const bool is_named =
          reason != reasons.end() && reason->first < first + Copies(fold_->entries()[entry], gone);
      if (is_named) found[entry] = reason->second;
    });
    for (const auto& [at, reason] : found) {
      const Entry& entry = fold_->entries()[at];
      if (gone) {
        aside().AddSilently(at);
      } else {
        AFL_TRY(aside().Add(at, entry.row, entry.commit, reason, Copies(entry, false)));
      }
    }
    return Done{};
  }

 private:
  std::unique_ptr<data::BatchReader> Read(bool gone) {
    return std::make_unique<WholeRowReader>(shape(), *fold_, gone, aside());
  }

  // Calls `visit` with the number of its first row and each entry that is yielded.
  template <class F>
  void EachEntry(bool gone, const F& visit) const {
    std::size_t number = 0;
    for (std::size_t i = 0; i < fold_->entries().size(); ++i) {
      const std::size_t copies = Copies(fold_->entries()[i], gone);
      if (copies == 0 || aside().Has(i)) continue;
      visit(number, i);
      number += copies;
    }
  }

  std::size_t CountRows(bool gone) const {
    std::size_t rows = 0;
    EachEntry(gone, [&](std::size_t, std::size_t entry) {
      rows += Copies(fold_->entries()[entry], gone);
    });
    return rows;
  }

  const std::unique_ptr<RowFold> fold_;
};

class WholeRowCollector final : public ChangeCollector {
 public:
  WholeRowCollector(const estate::Integration& integration, std::shared_ptr<const TableShape> shape)
      : integration_(integration), shape_(std::move(shape)) {
    std::vector<bool> is_read;
    for (const int index : shape_->schema_index) is_read.push_back(index >= 0);
    fold_ = std::make_unique<RowFold>(std::move(is_read));
  }

  Result<int> Add(const Message& change, const ChangeMoment& moment) override {
    return fold_->Add(change, moment);
  }
  bool empty() const override { return fold_->empty(); }
  std::size_t bytes() const override { return fold_->bytes(); }
  std::uint64_t changes() const override { return fold_->changes(); }
  std::unique_ptr<pipeline::TableChanges> Take() override {
    return std::make_unique<WholeRowChanges>(integration_, shape_, std::move(fold_));
  }

 private:
  const estate::Integration& integration_;
  const std::shared_ptr<const TableShape> shape_;
  std::unique_ptr<RowFold> fold_;
};

}  // namespace

std::unique_ptr<ChangeCollector> MakeWholeRowCollector(const estate::Integration& integration,
                                                       std::shared_ptr<const TableShape> shape) {
  return std::make_unique<WholeRowCollector>(integration, std::move(shape));
}

}  // namespace afluente::postgres
