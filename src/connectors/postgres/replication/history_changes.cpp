#include "connectors/postgres/replication/history_changes.h"

#include <deque>

#include "connectors/postgres/epoch.h"
#include "connectors/postgres/replication/history_log.h"
#include "connectors/postgres/replication/shaped_changes.h"
#include "pipeline/form.h"

namespace afluente::postgres {
namespace {

using Entry = HistoryLog::Entry;

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

class LogReader final : public data::BatchReader {
 public:
  LogReader(const TableShape& shape, const HistoryLog& log, bool complete)
      : shape_(shape), log_(log), complete_(complete), decoder_(shape) {}

  Result<std::size_t> Next(data::Batch& batch) override {
    decoder_.BeginBatch();
    lsns_.clear();
    std::size_t rows = 0;
    const std::vector<Entry>& entries = log_.entries();
    for (; rows < data::Batch::kRows && next_ < entries.size(); ++next_) {
      if (entries[next_].complete() != complete_) continue;
      AFL_TRY(Decode(entries[next_], rows, batch));
      ++rows;
    }
    return rows;
  }

 private:
  Status Decode(const Entry& entry, std::size_t row, data::Batch& batch) {
    std::vector<data::VectorWriter>& columns = batch.columns();
    const std::size_t own = shape_.columns.schema.size();
    if (entry.row.empty()) {
      for (std::size_t i = 0; i < own; ++i) columns[i].SetNull(row);
    } else {
      AFL_TRY(decoder_.DecodeRow(entry.row, row, !complete_, batch));
    }
    const std::string_view op = NameOf(entry.op);
    columns[own].SetBytes(row, op.data(), op.size());
    const std::string& lsn = LsnText(entry.moment.commit);
    columns[own + 1].SetBytes(row, lsn.data(), lsn.size());
    columns[own + 2].Set(row, entry.moment.ordinal);
    columns[own + 3].Set(row, entry.moment.time + kEpochMicros);
    if (complete_) return Done{};
    const std::size_t flags = shape_.row_schema.size();
    for (std::size_t i = own; i < flags; ++i) columns[flags + i].Set(row, false);
    return decoder_.DecodeKeyCells(entry.origin, row, 2 * flags, batch);
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
  ChangeDecoder decoder_;
  std::size_t next_ = 0;
  std::deque<std::string> lsns_;
  Lsn last_;
};

class EmptyReader final : public data::BatchReader {
 public:
  Result<std::size_t> Next(data::Batch& /*batch*/) override { return std::size_t{0}; }
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
  std::size_t rows() const override { return log_->entries().size() - log_->incomplete(); }
  std::size_t incomplete_rows() const override { return log_->incomplete(); }
  std::unique_ptr<data::BatchReader> ReadKeys() override { return std::make_unique<EmptyReader>(); }
  std::unique_ptr<data::BatchReader> ReadMarkedKeys() override {
    return std::make_unique<EmptyReader>();
  }
  std::unique_ptr<data::BatchReader> ReadRows() override {
    return std::make_unique<LogReader>(shape(), *log_, true);
  }
  std::unique_ptr<data::BatchReader> ReadIncompleteRows() override {
    return std::make_unique<LogReader>(shape(), *log_, false);
  }

 private:
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
