#include "connectors/postgres/replication/history_changes.h"

#include <deque>

#include "connectors/postgres/epoch.h"
#include "connectors/postgres/replication/history_log.h"
#include "connectors/postgres/replication/shaped_changes.h"
#include "pipeline/form.h"

namespace afluente::postgres {
namespace {

using HistoryEntry = HistoryLog::Entry;

std::string_view NameOf(HistoryLog::Op op) {
  switch (op) {
    case HistoryLog::Op::kInsert:
      return pipeline::kInsertOp;
    case HistoryLog::Op::kUpdate:
      return pipeline::kUpdateOp;
    case HistoryLog::Op::kDelete:
      return pipeline::kDeleteOp;
    case HistoryLog::Op::kTruncate:
      return pipeline::kTruncateOp;
  }
  return "";
}

// An entry that was set aside stands with its key among the complete ones.
bool Yields(const HistoryEntry& entry, std::size_t at, const SetAsideRows& aside, bool complete) {
  if (aside.Has(at)) return complete && !aside.IsDropped(at);
  return entry.complete() == complete;
}

class LogReader final : public data::BatchReader {
 public:
  LogReader(const TableShape& shape, const HistoryLog& log, bool complete, SetAsideRows& aside)
      : shape_(shape), log_(log), complete_(complete), aside_(aside), decoder_(shape) {}

  Result<std::size_t> Next(data::Batch& batch) override {
    decoder_.BeginBatch();
    lsns_.clear();
    std::size_t rows = 0;
    const std::vector<HistoryEntry>& entries = log_.entries();
    for (; rows < data::Batch::kRows && next_ < entries.size(); ++next_) {
      if (!Yields(entries[next_], next_, aside_, complete_)) continue;
      if (aside_.is_wanted()) decoder_.BeginRow(batch);
      AFL_ASSIGN(const bool is_there, DecodeOrSetAside(entries[next_], rows, batch));
      if (is_there) ++rows;
    }
    return rows;
  }

 private:
  // False: nothing of the entry can be held.
  Result<bool> DecodeOrSetAside(const HistoryEntry& entry, std::size_t row, data::Batch& batch) {
    if (!aside_.Has(next_)) {
      const Status decoded = Decode(entry, row, batch);
      if (decoded.ok()) return true;
      const std::string& why = decoded.error().message();
      if (!aside_.is_wanted()) return aside_.Refuse(entry.row, why, decoder_.bad_value());
      decoder_.TakeBack(row, batch);
      // What a delete says is its key; the rest of the old row was told before.
      if (entry.op == HistoryLog::Op::kDelete) {
        aside_.AddSilently(next_);
      } else {
        AFL_TRY(aside_.Add(next_, entry.row, entry.moment.commit, why));
      }
    }
    if (!complete_) return false;  // Its key comes among the complete ones.
    if (DecodeKeyAlone(entry, row, batch).ok()) return true;
    decoder_.TakeBack(row, batch);
    aside_.AddSilently(next_);
    return false;
  }

  Status DecodeKeyAlone(const HistoryEntry& entry, std::size_t row, data::Batch& batch) {
    std::vector<data::VectorWriter>& columns = batch.columns();
    for (std::size_t i = 0; i < shape_.columns.schema.size(); ++i) columns[i].SetNull(row);
    AFL_TRY(decoder_.DecodeKeyOfRow(entry.row, row, batch));
    const bool is_delete = entry.op == HistoryLog::Op::kDelete;
    DecodeForm(entry, is_delete ? pipeline::kDeleteOp : pipeline::kDeadLetterOp, row, batch);
    return Done{};
  }

  Status Decode(const HistoryEntry& entry, std::size_t row, data::Batch& batch) {
    std::vector<data::VectorWriter>& columns = batch.columns();
    const std::size_t own = shape_.columns.schema.size();
    if (entry.row.empty()) {
      for (std::size_t i = 0; i < own; ++i) columns[i].SetNull(row);
    } else {
      AFL_TRY(decoder_.DecodeRow(entry.row, row, !complete_, batch));
    }
    DecodeForm(entry, NameOf(entry.op), row, batch);
    if (complete_) return Done{};
    const std::size_t flags = shape_.row_schema.size();
    for (std::size_t i = own; i < flags; ++i) columns[flags + i].Set(row, false);
    return decoder_.DecodeKeyCells(entry.origin, row, 2 * flags, batch);
  }

  void DecodeForm(const HistoryEntry& entry, std::string_view op, std::size_t row,
                  data::Batch& batch) {
    std::vector<data::VectorWriter>& columns = batch.columns();
    const std::size_t own = shape_.columns.schema.size();
    columns[own].SetBytes(row, op.data(), op.size());
    const std::string& lsn = LsnText(entry.moment.commit);
    columns[own + 1].SetBytes(row, lsn.data(), lsn.size());
    columns[own + 2].Set(row, entry.moment.ordinal);
    columns[own + 3].Set(row, entry.moment.time + kEpochMicros);
  }

  // One text a transaction; it stays where it is until the next batch.
  const std::string& LsnText(Lsn lsn) {
    if (lsns_.empty() || lsn != last_) lsns_.push_back(lsn.ToSortableString());
    last_ = lsn;
    return lsns_.back();
  }

  const TableShape& shape_;
  const HistoryLog& log_;
  const bool complete_;
  SetAsideRows& aside_;
  ChangeDecoder decoder_;
  std::size_t next_ = 0;
  std::deque<std::string> lsns_;
  Lsn last_;
};

class HistoryChanges final : public ShapedChanges {
 public:
  HistoryChanges(const estate::Integration& integration, std::shared_ptr<const TableShape> shape,
                 std::unique_ptr<HistoryLog> log)
      : ShapedChanges(integration, std::move(shape)), log_(std::move(log)) {}

  std::optional<WallTime> truncated_at() const override { return std::nullopt; }
  std::uint64_t changes() const override { return log_->changes(); }
  std::size_t keys() const override { return 0; }
  std::size_t marked_keys() const override { return 0; }
  std::size_t rows() const override { return CountRows(true); }
  std::size_t incomplete_rows() const override { return CountRows(false); }
  std::unique_ptr<data::BatchReader> ReadKeys() override { return std::make_unique<NoRows>(); }
  std::unique_ptr<data::BatchReader> ReadMarkedKeys() override {
    return std::make_unique<NoRows>();
  }
  std::unique_ptr<data::BatchReader> ReadRows() override {
    return std::make_unique<LogReader>(shape(), *log_, true, aside());
  }
  std::unique_ptr<data::BatchReader> ReadIncompleteRows() override {
    return std::make_unique<LogReader>(shape(), *log_, false, aside());
  }
  Status SetAside(Rows rows, const std::map<std::size_t, std::string>& reasons) override {
    std::vector<std::pair<std::size_t, std::string>> found;
    EachRow(rows == Rows::kComplete, [&](std::size_t number, std::size_t entry) {
      const auto reason = reasons.find(number);
      if (reason != reasons.end()) found.emplace_back(entry, reason->second);
    });
    for (const auto& [at, reason] : found) {
      const HistoryEntry& entry = log_->entries()[at];
      if (entry.op == HistoryLog::Op::kDelete) {
        aside().AddSilently(at);
        continue;
      }
      AFL_TRY(aside().Add(at, entry.row, entry.moment.commit, reason));
    }
    return Done{};
  }
  std::string NameOf(Rows rows, std::size_t row) const override {
    std::string name;
    EachRow(rows == Rows::kComplete, [&](std::size_t number, std::size_t entry) {
      if (number == row) name = aside().KeyText(log_->entries()[entry].row);
    });
    return name;
  }

 private:
  // Calls `visit` with the number and the entry of each row that is yielded.
  template <class F>
  void EachRow(bool complete, const F& visit) const {
    std::size_t number = 0;
    for (std::size_t i = 0; i < log_->entries().size(); ++i) {
      if (Yields(log_->entries()[i], i, aside(), complete)) visit(number++, i);
    }
  }

  std::size_t CountRows(bool complete) const {
    if (aside().empty()) {
      return complete ? log_->entries().size() - log_->incomplete() : log_->incomplete();
    }
    std::size_t rows = 0;
    EachRow(complete, [&](std::size_t, std::size_t) { ++rows; });
    return rows;
  }

  const std::unique_ptr<HistoryLog> log_;
};

class HistoryCollector final : public ChangeCollector {
 public:
  HistoryCollector(const estate::Integration& integration, std::shared_ptr<const TableShape> shape)
      : integration_(integration),
        shape_(std::move(shape)),
        log_(std::make_unique<HistoryLog>(shape_->key_columns)) {}

  Result<int> Add(const Message& change, const ChangeMoment& moment) override {
    return log_->Add(change, moment);
  }
  bool empty() const override { return log_->entries().empty(); }
  std::size_t bytes() const override { return log_->bytes(); }
  std::uint64_t changes() const override { return log_->changes(); }
  std::unique_ptr<pipeline::TableChanges> Take() override {
    return std::make_unique<HistoryChanges>(integration_, shape_, std::move(log_));
  }

 private:
  const estate::Integration& integration_;
  const std::shared_ptr<const TableShape> shape_;
  std::unique_ptr<HistoryLog> log_;
};

}  // namespace

std::unique_ptr<ChangeCollector> MakeHistoryCollector(const estate::Integration& integration,
                                                      std::shared_ptr<const TableShape> shape) {
  return std::make_unique<HistoryCollector>(integration, std::move(shape));
}

}  // namespace afluente::postgres
