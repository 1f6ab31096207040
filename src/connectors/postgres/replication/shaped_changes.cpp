#include "connectors/postgres/replication/shaped_changes.h"

#include <fmt/format.h>

#include <utility>

#include "connectors/postgres/cell_decoder.h"
#include "connectors/postgres/replication/tuple_cells.h"
#include "connectors/postgres/text_cell_decoder.h"

namespace afluente::postgres {
namespace {

/// How the cells of one column are decoded, in either form.
struct CellForm {
  const data::LogicalType& type;
  TextForm binary;
  TextLayout text;
};

CellForm FormOf(const SelectedColumns& columns, std::size_t column) {
  return {columns.schema[column].type, columns.forms[column], columns.layouts[column]};
}

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

class DefaultsReader final : public data::BatchReader {
 public:
  explicit DefaultsReader(const TableShape& shape) : decoder_(shape) {}

  Result<std::size_t> Next(data::Batch& batch) override {
    if (std::exchange(is_read_, true)) return std::size_t{0};
    AFL_TRY(decoder_.DecodeDefaults(batch));
    return std::size_t{1};
  }

 private:
  ChangeDecoder decoder_;
  bool is_read_ = false;
};

}  // namespace

void ChangeDecoder::BeginRow(data::Batch& batch) {
  list_sizes_.clear();
  for (const data::VectorWriter& column : batch.columns()) {
    list_sizes_.push_back(column.list_size());
  }
}

void ChangeDecoder::TakeBack(std::size_t row, data::Batch& batch) const {
  for (std::size_t i = 0; i < list_sizes_.size(); ++i) {
    batch.columns()[i].TakeBack(row);
    batch.columns()[i].TruncateList(list_sizes_[i]);
  }
}

Error ChangeDecoder::BadCell(std::size_t column, Fault fault, const TupleCell& cell) {
  const std::string& name = shape_.columns.schema[column].name;
  bad_value_ = {name, TextOfCell(shape_, column, cell)};
  return {ErrorKind::kConversion, fmt::format("column \"{}\" {}", name, Describe(fault))};
}

Status ChangeDecoder::DecodeRow(std::string_view tuple, std::size_t row, bool with_flags,
                                data::Batch& batch) {
  TupleView(tuple).Split(cells_);
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (shape_.schema_index[i] < 0) continue;
    const auto column = static_cast<std::size_t>(shape_.schema_index[i]);
    const Fault fault = DecodeChange(FormOf(shape_.columns, column), cells_[i], row,
                                     batch.columns()[column], arena_);
    if (fault != Fault::kNone) return BadCell(column, fault, cells_[i]);
    if (with_flags) {
      batch.columns()[shape_.row_schema.size() + column].Set(
          row, cells_[i].kind == TupleCell::Kind::kUnchanged);
    }
  }
  return Done{};
}

Status ChangeDecoder::DecodeKeyCells(std::string_view key, std::size_t row, std::size_t first,
                                     data::Batch& batch) {
  DecodeKey(key, cells_);
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const Fault fault = DecodeChange(FormOf(shape_.columns, shape_.key_read[i]), cells_[i], row,
                                     batch.columns()[first + i], arena_);
    if (fault != Fault::kNone) return BadCell(shape_.key_read[i], fault, cells_[i]);
  }
  return Done{};
}

Status ChangeDecoder::DecodeKeyOfRow(std::string_view tuple, std::size_t row, data::Batch& batch) {
  TupleView(tuple).Split(cells_);
  for (std::size_t i = 0; i < shape_.key_columns.size(); ++i) {
    const std::size_t column = shape_.key_read[i];
    const TupleCell& cell = cells_.at(shape_.key_columns[i]);
    batch.columns()[column].TakeBack(row);  // It may have been set to NULL.
    const Fault fault =
        DecodeChange(FormOf(shape_.columns, column), cell, row, batch.columns()[column], arena_);
    if (fault != Fault::kNone) return BadCell(column, fault, cell);
  }
  return Done{};
}

Status ChangeDecoder::DecodeDefaults(data::Batch& batch) {
  const SelectedColumns& columns = shape_.columns;
  for (std::size_t i = 0; i < shape_.row_schema.size(); ++i) {
    const data::Column& column = shape_.row_schema[i];
    const auto found = shape_.defaults.find(column.name);
    if (i >= columns.schema.size() || found == shape_.defaults.end()) {
      batch.columns()[i].SetNull(0);
      continue;
    }
    const Fault fault = DecodeTextCell(column.type, columns.layouts[i], found->second, 0,
                                       batch.columns()[i], arena_);
    if (fault != Fault::kNone) {
      return BadCell(i, fault, {TupleCell::Kind::kText, found->second});
    }
  }
  return Done{};
}

std::vector<std::string> ShapedChanges::columns_with_defaults() const {
  std::vector<std::string> names;
  for (const data::Column& column : shape_->columns.schema) {
    if (shape_->defaults.contains(column.name)) names.push_back(column.name);
  }
  return names;
}

std::unique_ptr<data::BatchReader> ShapedChanges::ReadDefaults() {
  return std::make_unique<DefaultsReader>(*shape_);
}

}  // namespace afluente::postgres
