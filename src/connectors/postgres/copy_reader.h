// One lane of a PostgreSQL read: COPY statements, decoded batch by batch.
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/copy_decoder.h"
#include "connectors/postgres/libpq.h"
#include "connectors/postgres/row_arena.h"
#include "data/batch.h"
#include "data/dead_letter.h"
#include "pipeline/progress.h"

namespace afluente::postgres {

/// One statement of a read.
struct SelectPart {
  std::string name;  // BatchReader::TakePart's; "": it cannot be told apart from others.
  std::string sql;
};

/// SELECT statements that together yield every row once; lanes take the next
/// one when they are free. Thread-safe.
class SelectQueue {
 public:
  explicit SelectQueue(std::vector<SelectPart> parts) : parts_(std::move(parts)) {}
  /// The next statement, nullptr when all are taken. It lives as long as the queue.
  const SelectPart* Take();
  std::size_t size() const { return parts_.size(); }

 private:
  const std::vector<SelectPart> parts_;
  std::atomic<std::size_t> next_{0};
};

/// What all readers of one source share; borrowed by each.
struct CopyContext {
  SelectQueue& queue;
  const data::Schema& schema;
  const std::vector<TextForm>& forms;
  pipeline::Progress& progress;
  /// Where rows go that cannot be decoded; null: they fail the read.
  data::DeadLetters* dead_letters;
  /// Columns by which a dead letter's row is named.
  const std::vector<std::size_t>& key_columns;
  /// Columns whose values no dead letter may hold.
  const std::set<std::string>& masked_columns;
};

/// Reads what it takes from the queue over one connection that is inside its
/// transaction.
class CopyReader final : public data::BatchReader {
 public:
  CopyReader(Connection connection, const CopyContext& context, const std::stop_token& stop);

  Result<std::size_t> Next(data::Batch& batch) override;
  const std::string* TakePart() override;

 private:
  struct Row {
    const char* bytes;
    std::size_t size;
  };

  /// The next statement; nullptr at the end.
  const SelectPart* NextSelect();
  /// The next tuple of the stream; bytes is null at its end.
  Result<Row> NextRow();
  Status BeginCopy(const std::string& select);
  Status EndCopy();
  Status SetAside(const Row& row, const Error& error);

  Connection connection_;
  const CopyContext context_;
  CopyDecoder decoder_;
  RowArena arena_;  // The rows of the batch in flight.
  bool copying_ = false;
  bool ended_ = false;
  bool in_parts_ = false;             // TakePart says when the next statement begins.
  const SelectPart* part_ = nullptr;  // Taken, and not begun.
  const std::stop_token stop_;
  CancelOnStop cancel_;  // Last: goes before the connection does.
};

}  // namespace afluente::postgres
