// What collected changes have in common, in whatever form: their columns, and bytes into vectors.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/postgres/replication/followed_table.h"
#include "connectors/postgres/replication/pgoutput.h"
#include "connectors/postgres/replication/set_aside_rows.h"
#include "connectors/postgres/row_arena.h"
#include "data/batch.h"
#include "pipeline/changes.h"

namespace afluente::postgres {

/// Writes tuples and keys into batches. Borrows the shape. One thread uses it.
class ChangeDecoder {
 public:
  explicit ChangeDecoder(const TableShape& shape) : shape_(shape) {}

  /// Forgets what the cells of earlier batches point to.
  void BeginBatch() { arena_.Clear(); }
  /// The columns of the source, from the first on. `with_flags`: `_lacks_NAME`, too.
  Status DecodeRow(std::string_view tuple, std::size_t row, bool with_flags, data::Batch& batch);
  /// The columns of a key, from the column `first` on.
  Status DecodeKeyCells(std::string_view key, std::size_t row, std::size_t first,
                        data::Batch& batch);
  /// Of a tuple, the columns of the key alone, in their places in the row.
  Status DecodeKeyOfRow(std::string_view tuple, std::size_t row, data::Batch& batch);
  /// One row of the columns' defaults.
  Status DecodeDefaults(data::Batch& batch);

  /// Remembers where the row in hand begins, so that TakeBack can leave it as if
  /// it had not been touched.
  void BeginRow(data::Batch& batch);
  void TakeBack(std::size_t row, data::Batch& batch) const;
  /// The value that could not be decoded last.
  const BadValue& bad_value() const { return bad_value_; }

 private:
  Error BadCell(std::size_t column, Fault fault, const TupleCell& cell);

  const TableShape& shape_;
  std::vector<std::size_t> list_sizes_;  // Of each column, before the row in hand.
  BadValue bad_value_;
  RowArena arena_;  // What text cells of the batch in flight were turned into.
  std::vector<TupleCell> cells_;
};

/// Yields nothing.
class NoRows final : public data::BatchReader {
 public:
  Result<std::size_t> Next(data::Batch& /*batch*/) override { return std::size_t{0}; }
};

/// Changes of one integration under one shape.
class ShapedChanges : public pipeline::TableChanges {
 public:
  ShapedChanges(const estate::Integration& integration, std::shared_ptr<const TableShape> shape)
      : integration_(integration), shape_(std::move(shape)), aside_(integration, *shape_) {}

  const estate::Integration& integration() const override { return integration_; }
  const data::Schema& schema() const override { return shape_->row_schema; }
  std::uint64_t schema_version() const override { return shape_->version; }
  const std::vector<std::string>& key() const override { return shape_->key; }
  std::vector<std::string> columns_with_defaults() const override;
  std::unique_ptr<data::BatchReader> ReadDefaults() override;
  const data::Schema& key_schema() const override { return shape_->key_schema; }
  const data::Schema& marked_schema() const override { return shape_->marked_schema; }
  const data::Schema& incomplete_schema() const override { return shape_->incomplete_schema; }
  std::vector<data::DeadLetter> dead_letters() const override { return aside_.letters(); }

 protected:
  const TableShape& shape() const { return *shape_; }
  SetAsideRows& aside() { return aside_; }
  const SetAsideRows& aside() const { return aside_; }

 private:
  const estate::Integration& integration_;
  const std::shared_ptr<const TableShape> shape_;
  SetAsideRows aside_;
};

}  // namespace afluente::postgres
