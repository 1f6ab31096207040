#include "connectors/postgres/copy_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "connectors/postgres/big_endian.h"
#include "connectors/postgres/cell_text.h"

namespace afluente::postgres {
namespace {

using data::Kind;

// The fields of one tuple, in order. Fails by flag: a Result a cell would cost
// more than most cells do.
class FieldCursor {
 public:
  explicit FieldCursor(std::string_view tuple)
      : next_(tuple.data()), end_(tuple.data() + tuple.size()) {}

  bool Begin(std::size_t fields) {
    if (end_ - next_ < 2 || ReadBigEndian<std::uint16_t>(next_) != fields) return false;
    next_ += 2;
    return true;
  }

  struct Field {
    std::string_view cell;
    bool is_null = false;
    bool is_broken = false;  // The tuple ends too early.
  };
  Field Next() {
    if (end_ - next_ < 4) return {{}, false, true};
    const auto length = ReadBigEndian<std::int32_t>(next_);
    next_ += 4;
    if (length < 0) return {{}, true, false};
    if (length > end_ - next_) return {{}, false, true};
    const std::string_view cell(next_, static_cast<std::size_t>(length));
    next_ += length;
    return {cell, false, false};
  }

  bool at_end() const { return next_ == end_; }

 private:
  const char* next_;
  const char* end_;
};

Error BrokenStream() {
  return {ErrorKind::kInternal,
          "the COPY stream is broken: a tuple has another number of fields or bytes than it says"};
}

}  // namespace

CopyDecoder::CopyDecoder(const data::Schema& schema, std::vector<TextForm> forms)
    : schema_(schema), forms_(std::move(forms)) {
  for (std::size_t i = 0; i < schema_.size(); ++i) {
    if (schema_[i].type.kind == Kind::kList) lists_.push_back({i, 0});
  }
}

void CopyDecoder::TakeBack(std::size_t row, std::size_t fields, data::Batch& batch) const {
  for (std::size_t i = 0; i < fields; ++i) batch.columns()[i].TakeBack(row);
  for (const ListColumn& list : lists_) {
    if (list.column < fields) batch.columns()[list.column].TruncateList(list.size);
  }
}

Status CopyDecoder::DecodeTuple(std::string_view tuple, std::size_t row, data::Batch& batch) {
  FieldCursor fields(tuple);
  if (!fields.Begin(schema_.size())) return BrokenStream();
  data::VectorWriter* const columns = batch.columns().data();
  for (ListColumn& list : lists_) list.size = columns[list.column].list_size();
  for (std::size_t i = 0; i < schema_.size(); ++i) {
    const FieldCursor::Field field = fields.Next();
    if (field.is_null) {
      columns[i].SetNull(row);
      continue;
    }
    if (field.is_broken) {
      TakeBack(row, i, batch);
      return BrokenStream();
    }
    const Fault fault = DecodeCell(schema_[i].type, forms_[i], field.cell, row, columns[i]);
    if (fault == Fault::kNone) continue;
    TakeBack(row, i + 1, batch);
    return Error(ErrorKind::kConversion,
                 fmt::format("column \"{}\" {}", schema_[i].name, Describe(fault)));
  }
  if (fields.at_end()) return Done{};
  TakeBack(row, schema_.size(), batch);
  return BrokenStream();
}

std::string CopyDecoder::RawRow(std::string_view tuple, const std::set<std::string>& hidden) const {
  FieldCursor fields(tuple);
  nlohmann::ordered_json row = nlohmann::ordered_json::object();
  if (!fields.Begin(schema_.size())) return "";
  for (std::size_t i = 0; i < schema_.size(); ++i) {
    const FieldCursor::Field field = fields.Next();
    if (field.is_broken) return "";
    const std::string& name = schema_[i].name;
    if (field.is_null) {
      row[name] = nullptr;
    } else {
      row[name] = hidden.contains(name) ? "***" : CellText(schema_[i].type, forms_[i], field.cell);
    }
  }
  return row.dump();
}

std::string CopyDecoder::DescribeRow(std::string_view tuple,
                                     const std::vector<std::size_t>& indexes) const {
  FieldCursor fields(tuple);
  std::string described;
  if (!fields.Begin(schema_.size())) return described;
  for (std::size_t i = 0; i < schema_.size(); ++i) {
    const FieldCursor::Field field = fields.Next();
    if (field.is_broken) return described;
    if (std::find(indexes.begin(), indexes.end(), i) == indexes.end()) continue;
    described +=
        fmt::format("{}{}={}", described.empty() ? "" : ", ", schema_[i].name,
                    field.is_null ? "NULL" : CellText(schema_[i].type, forms_[i], field.cell));
  }
  return described;
}

}  // namespace afluente::postgres
