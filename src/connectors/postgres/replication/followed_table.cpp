#include "connectors/postgres/replication/followed_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "connectors/postgres/cell_decoder.h"
#include "connectors/postgres/text_cell_decoder.h"
#include "pipeline/shaping.h"

namespace afluente::postgres {
namespace {

using Entry = ChangeFold::Entry;

/// How the cells of one column are decoded, in either form.
struct CellForm {
  const data::LogicalType& type;
  TextForm binary;
  TextLayout text;
};

Fault DecodeChange(const CellForm& form, const TupleCell& cell, std::size_t row,
                   data::VectorWriter& out, RowArena& arena) {
  switch (cell.kind) {
    case TupleCell::Kind::kNull:
    case TupleCell::Kind::kUnchanged:
      out.SetNull(row);
      return Fault::kNone;
    case TupleCell::Kind::kBinary:
      return DecodeCell(form.type, form.binary, cell.bytes, row, out);
    case TupleCell::Kind::kText:
      return DecodeTextCell(form.type, form.text, cell.bytes, row, out, arena);
  }
  return Fault::kMalformed;
}

Error BadCell(const data::Column& column, Fault fault) {
  return {ErrorKind::kConversion, fmt::format("column \"{}\" {}", column.name, Describe(fault))};
}

// Which entries a reader yields.
enum class Yields : std::uint8_t { kKeys, kRows, kIncompleteRows };

class FoldReader final : public data::BatchReader {
 public:
  FoldReader(const TableShape& shape, const ChangeFold& fold, Yields yields)
      : shape_(shape), fold_(fold), yields_(yields) {}

  Result<std::size_t> Next(data::Batch& batch) override {
    arena_.Clear();
    std::size_t rows = 0;
    const std::vector<Entry>& entries = fold_.entries();
    for (; rows < data::Batch::kRows && next_ < entries.size(); ++next_) {
      if (!Wants(entries[next_])) continue;
      AFL_TRY(Decode(entries[next_], rows, batch));
      ++rows;
    }
    return rows;
  }

 private:
  bool Wants(const Entry& entry) const {
    if (yields_ == Yields::kKeys) return true;
    return entry.lives() && entry.complete() == (yields_ == Yields::kRows);
  }

  Status Decode(const Entry& entry, std::size_t row, data::Batch& batch) {
    if (yields_ == Yields::kKeys) return DecodeKeyCells(entry.key, row, 0, batch);
    AFL_TRY(DecodeRow(entry.row, row, batch));
    if (yields_ == Yields::kRows) return Done{};
    return DecodeKeyCells(entry.origin, row, 2 * shape_.columns.schema.size(), batch);
  }

  Status DecodeKeyCells(std::string_view key, std::size_t row, std::size_t first,
                        data::Batch& batch) {
    DecodeKey(key, cells_);
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const Fault fault = DecodeChange(Form(shape_.key_read[i]), cells_[i], row,
                                       batch.columns()[first + i], arena_);
      if (fault != Fault::kNone) return BadCell(shape_.key_schema[i], fault);
    }
    return Done{};
  }

  Status DecodeRow(std::string_view tuple, std::size_t row, data::Batch& batch) {
    TupleView(tuple).Split(cells_);
    const data::Schema& schema = shape_.columns.schema;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      if (shape_.schema_index[i] < 0) continue;
      const auto column = static_cast<std::size_t>(shape_.schema_index[i]);
      const Fault fault =
          DecodeChange(Form(column), cells_[i], row, batch.columns()[column], arena_);
      if (fault != Fault::kNone) return BadCell(schema[column], fault);
      if (yields_ == Yields::kIncompleteRows) {
        batch.columns()[schema.size() + column].Set(row,
                                                    cells_[i].kind == TupleCell::Kind::kUnchanged);
      }
    }
    return Done{};
  }

  CellForm Form(std::size_t column) const {
    return {shape_.columns.schema[column].type, shape_.columns.forms[column],
            shape_.columns.layouts[column]};
  }

  const TableShape& shape_;
  const ChangeFold& fold_;
  const Yields yields_;
  RowArena arena_;  // What text cells of the batch in flight were turned into.
  std::size_t next_ = 0;
  std::vector<TupleCell> cells_;
};

// One row of the columns' defaults.
class DefaultsReader final : public data::BatchReader {
 public:
  explicit DefaultsReader(const TableShape& shape) : shape_(shape) {}

  Result<std::size_t> Next(data::Batch& batch) override {
    if (std::exchange(is_read_, true)) return std::size_t{0};
    const SelectedColumns& columns = shape_.columns;
    for (std::size_t i = 0; i < columns.schema.size(); ++i) {
      const data::Column& column = columns.schema[i];
      const auto found = shape_.defaults.find(column.name);
      if (found == shape_.defaults.end()) {
        batch.columns()[i].SetNull(0);
        continue;
      }
      const Fault fault = DecodeTextCell(column.type, columns.layouts[i], found->second, 0,
                                         batch.columns()[i], arena_);
      if (fault != Fault::kNone) return BadCell(column, fault);
    }
    return std::size_t{1};
  }

 private:
  const TableShape& shape_;
  RowArena arena_;
  bool is_read_ = false;
};

class FoldedChanges final : public pipeline::TableChanges {
 public:
  FoldedChanges(const estate::Integration& integration, std::shared_ptr<const TableShape> shape,
                std::unique_ptr<ChangeFold> fold)
      : integration_(integration),
        shape_(std::move(shape)),
        fold_(std::move(fold)),
        rows_(fold_->live_complete()),
        incomplete_rows_(fold_->live_incomplete()) {}

  const estate::Integration& integration() const override { return integration_; }
  const data::Schema& schema() const override { return shape_->columns.schema; }
  std::uint64_t schema_version() const override { return shape_->version; }
  const std::vector<std::string>& key() const override { return shape_->key; }
  std::vector<std::string> columns_with_defaults() const override {
    std::vector<std::string> names;
    for (const data::Column& column : schema()) {
      if (shape_->defaults.contains(column.name)) names.push_back(column.name);
    }
    return names;
  }
  std::unique_ptr<data::BatchReader> ReadDefaults() override {
    return std::make_unique<DefaultsReader>(*shape_);
  }
  bool truncated() const override { return fold_->truncated(); }
  std::uint64_t changes() const override { return fold_->changes(); }
  std::size_t keys() const override { return fold_->entries().size(); }
  std::size_t rows() const override { return rows_; }
  std::size_t incomplete_rows() const override { return incomplete_rows_; }
  const data::Schema& key_schema() const override { return shape_->key_schema; }
  const data::Schema& incomplete_schema() const override { return shape_->incomplete_schema; }
  std::unique_ptr<data::BatchReader> ReadKeys() override { return Read(Yields::kKeys); }
  std::unique_ptr<data::BatchReader> ReadRows() override { return Read(Yields::kRows); }
  std::unique_ptr<data::BatchReader> ReadIncompleteRows() override {
    return Read(Yields::kIncompleteRows);
  }

 private:
  std::unique_ptr<data::BatchReader> Read(Yields yields) const {
    return std::make_unique<FoldReader>(*shape_, *fold_, yields);
  }

  const estate::Integration& integration_;
  const std::shared_ptr<const TableShape> shape_;
  const std::unique_ptr<ChangeFold> fold_;
  const std::size_t rows_;
  const std::size_t incomplete_rows_;
};

Status CheckKey(const TableShape& shape, const RelationMessage& relation,
                const estate::Integration& integration) {
  std::set<std::string> sent;
  for (const std::string& column : shape.key) sent.insert(pipeline::ArrivesAs(column, integration));
  const auto& key = integration.destination.key;
  if (key.empty() || std::set<std::string>(key.begin(), key.end()) == sent) return Done{};
  return Error(ErrorKind::kSchemaMismatch,
               fmt::format("{}: key [{}] is not what {}.{} is followed by; its replica identity is "
                           "[{}]: use that, or change it with ALTER TABLE ... REPLICA IDENTITY",
                           integration.destination.mark.ToString(), fmt::join(key, ", "),
                           relation.schema, relation.name, fmt::join(shape.key, ", ")));
}

// A column that is excluded may be one that the stream does not carry.
estate::Integration WithoutUnsent(const estate::Integration& integration,
                                  const std::vector<CatalogColumn>& columns) {
  estate::Integration sent = integration;
  std::erase_if(sent.columns, [&](const auto& rule) {
    const bool is_sent = std::any_of(columns.begin(), columns.end(), [&](const CatalogColumn& has) {
      return has.name == rule.first;
    });
    return rule.second.exclude && !is_sent;
  });
  return sent;
}

}  // namespace

Result<std::shared_ptr<const TableShape>> ShapeTable(const RelationMessage& relation,
                                                     const std::vector<CatalogColumn>& columns,
                                                     const estate::Integration& integration,
                                                     std::uint64_t version,
                                                     std::map<std::string, std::string> defaults) {
  auto shape = std::make_shared<TableShape>();
  shape->defaults = std::move(defaults);
  shape->version = version;
  AFL_ASSIGN(shape->columns, SelectColumns(columns, WithoutUnsent(integration, columns)));
  const data::Schema& schema = shape->columns.schema;
  for (std::size_t i = 0; i < relation.columns.size(); ++i) {
    const RelationColumn& column = relation.columns[i];
    const auto found = std::find_if(schema.begin(), schema.end(), [&](const data::Column& read) {
      return read.name == column.name;
    });
    const bool is_read = found != schema.end();
    shape->schema_index.push_back(is_read ? static_cast<int>(found - schema.begin()) : -1);
    // Under FULL every column is flagged: then the destination's key says which identify a row.
    const auto& wanted = integration.destination.key;
    const bool in_key =
        relation.replica_identity == 'f'
            ? std::find(wanted.begin(), wanted.end(),
                        pipeline::ArrivesAs(column.name, integration)) != wanted.end()
            : column.in_key;
    if (!in_key) continue;
    if (!is_read) {
      return Error(
          ErrorKind::kSchemaMismatch,
          fmt::format("{}: column \"{}\" identifies the rows of {}.{} and is excluded; "
                      "include it",
                      integration.mark.ToString(), column.name, relation.schema, relation.name));
    }
    const auto at = static_cast<std::size_t>(found - schema.begin());
    shape->key_columns.push_back(i);
    shape->key.push_back(column.name);
    shape->key_schema.push_back(schema[at]);
    shape->key_read.push_back(at);
  }
  AFL_TRY(CheckKey(*shape, relation, integration));
  shape->incomplete_schema = schema;
  for (const data::Column& column : schema) {
    shape->incomplete_schema.push_back(
        {pipeline::kLacksPrefix + column.name, {data::Kind::kBool, 0, 0, nullptr}, false});
  }
  for (const data::Column& column : shape->key_schema) {
    shape->incomplete_schema.push_back(
        {pipeline::kOriginPrefix + column.name, column.type, column.nullable});
  }
  return std::shared_ptr<const TableShape>(std::move(shape));
}

std::unique_ptr<pipeline::TableChanges> MakeTableChanges(const estate::Integration& integration,
                                                         std::shared_ptr<const TableShape> shape,
                                                         std::unique_ptr<ChangeFold> fold) {
  return std::make_unique<FoldedChanges>(integration, std::move(shape), std::move(fold));
}

}  // namespace afluente::postgres
