#include "data/batch.h"

#include <algorithm>
#include <bit>

namespace afluente::data {

void VectorWriter::Attach(duckdb_vector vector, const LogicalType& type) {
  vector_ = vector;
  type_ = &type;
  data_ = duckdb_vector_get_data(vector);
  validity_ = nullptr;
  if (type.kind != Kind::kList) return;
  list_size_ = 0;
  // DuckDB hands out lists with room for one vector of elements.
  list_capacity_ = Batch::kRows;
  if (child_ == nullptr) child_ = std::make_unique<VectorWriter>();
  child_->Attach(duckdb_list_vector_get_child(vector), *type.element);
}

void VectorWriter::SetNull(std::size_t row) {
  if (validity_ == nullptr) {
    duckdb_vector_ensure_validity_writable(vector_);
    validity_ = duckdb_vector_get_validity(vector_);
  }
  duckdb_validity_set_row_invalid(validity_, row);
  if (type_->kind == Kind::kList) Set(row, duckdb_list_entry{list_size_, 0});
}

std::size_t VectorWriter::OpenList(std::size_t row, std::size_t length) {
  const std::size_t first = list_size_;
  list_size_ += length;
  if (list_size_ > list_capacity_) {
    list_capacity_ = std::bit_ceil(list_size_);
    duckdb_list_vector_set_size(vector_, first);
    duckdb_list_vector_reserve(vector_, list_capacity_);
    // The child moved: take its new address, keep what a nested list counted.
    VectorWriter& child = *child_;
    const std::size_t child_size = child.list_size_;
    const std::size_t child_capacity = child.list_capacity_;
    child.vector_ = duckdb_list_vector_get_child(vector_);
    child.data_ = duckdb_vector_get_data(child.vector_);
    child.validity_ = nullptr;
    child.list_size_ = child_size;
    child.list_capacity_ = child_capacity;
  }
  Set(row, duckdb_list_entry{first, length});
  return first;
}

void VectorWriter::TakeBack(std::size_t row) {
  if (validity_ != nullptr) duckdb_validity_set_row_valid(validity_, row);
}

void VectorWriter::TruncateList(std::size_t size) {
  // Elements of lists inside lists stay behind, unused; their places are not taken again.
  for (std::size_t i = size; i < list_size_; ++i) child_->TakeBack(i);
  list_size_ = size;
}

void VectorWriter::Finish() {
  if (type_->kind != Kind::kList) return;
  duckdb_list_vector_set_size(vector_, list_size_);
  child_->Finish();
}

void Batch::Attach(duckdb_data_chunk chunk) {
  chunk_ = chunk;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    columns_[i].Attach(duckdb_data_chunk_get_vector(chunk, i), schema_[i].type);
  }
}

void Batch::Finish(std::size_t rows) {
  for (VectorWriter& column : columns_) column.Finish();
  duckdb_data_chunk_set_size(chunk_, rows);
}

}  // namespace afluente::data
