// Text forms of values: whatever stands in a replication message must not be read past its end, and
// what was decoded must be a chunk that DuckDB can walk. Every input is tried as every type.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "connectors/postgres/text_cell_decoder.h"
#include "data/batch.h"
#include "data/duckdb_api.h"

namespace {

using afluente::data::Batch;
using afluente::data::DuckChunk;
using afluente::data::DuckType;
using afluente::data::Kind;
using afluente::data::LogicalType;
using afluente::data::Schema;
using afluente::postgres::DecodeTextCell;
using afluente::postgres::Fault;
using afluente::postgres::OutputForm;
using afluente::postgres::RowArena;
using afluente::postgres::TextLayout;

struct Target {
  Schema schema;
  std::vector<TextLayout> layouts;
  DuckChunk chunk;
  RowArena arena;

  Target() {
    for (const Kind kind :
         {Kind::kBool, Kind::kInt16, Kind::kInt32, Kind::kInt64, Kind::kUint32, Kind::kFloat32,
          Kind::kFloat64, Kind::kText, Kind::kJson, Kind::kBytes, Kind::kUuid, Kind::kDate,
          Kind::kTime, Kind::kTimeTz, Kind::kTimestamp, Kind::kTimestampTz, Kind::kInterval}) {
      Add({kind, 0, 0, nullptr});
    }
    for (const OutputForm form : {OutputForm::kBpchar, OutputForm::kBool, OutputForm::kInet}) {
      Add({Kind::kText, 0, 0, nullptr}, {form, ','});
    }
    Add(LogicalType::Decimal(4, 2));
    Add(LogicalType::Decimal(18, 6));
    Add(LogicalType::Decimal(38, 10));
    AddLists();
    std::vector<DuckType> types;
    std::vector<duckdb_logical_type> raw;
    for (const auto& column : schema) {
      types.push_back(column.type.ToDuckdb());
      raw.push_back(types.back().get());
    }
    chunk = DuckChunk(duckdb_create_data_chunk(raw.data(), raw.size()));
  }

 private:
  void Add(LogicalType type, TextLayout layout = {}) {
    schema.push_back({"column", std::move(type), true});
    layouts.push_back(layout);
  }

  void AddLists() {
    const LogicalType text{Kind::kText, 0, 0, nullptr};
    Add(LogicalType::List({Kind::kInt32, 0, 0, nullptr}));
    Add(LogicalType::List(LogicalType::List({Kind::kInt64, 0, 0, nullptr})));
    Add(LogicalType::List(text));
    Add(LogicalType::List(text), {OutputForm::kPlain, ';'});
    Add(LogicalType::List(text), {OutputForm::kInet, ','});
    Add(LogicalType::List(LogicalType::List(text)));
    Add(LogicalType::List({Kind::kBytes, 0, 0, nullptr}));
    Add(LogicalType::List({Kind::kTimestamp, 0, 0, nullptr}));
    Add(LogicalType::List(LogicalType::List(LogicalType::List(LogicalType::Decimal(12, 4)))));
  }
};

// Reads every string and follows every list of the rows that were decoded.
// NOLINTNEXTLINE(misc-no-recursion): a list's elements may be lists.
void Walk(duckdb_vector vector, const LogicalType& type, std::size_t first, std::size_t count) {
  std::uint64_t* validity = duckdb_vector_get_validity(vector);
  void* const data = duckdb_vector_get_data(vector);
  for (std::size_t row = first; row < first + count; ++row) {
    if (validity != nullptr && !duckdb_validity_row_is_valid(validity, row)) continue;
    if (type.kind == Kind::kText || type.kind == Kind::kJson || type.kind == Kind::kBytes) {
      duckdb_string_t text = static_cast<duckdb_string_t*>(data)[row];
      const std::string_view bytes(duckdb_string_t_data(&text), duckdb_string_t_length(text));
      volatile unsigned sum = 0;
      for (const char byte : bytes) sum = sum + static_cast<unsigned char>(byte);
    }
    if (type.kind == Kind::kList) {
      const duckdb_list_entry entry = static_cast<duckdb_list_entry*>(data)[row];
      if (entry.offset + entry.length > duckdb_list_vector_get_size(vector)) std::abort();
      Walk(duckdb_list_vector_get_child(vector), *type.element, entry.offset, entry.length);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Target target;
  // A copy of exact size: the sanitizer sees a read past its end.
  const std::vector<char> bytes(data, data + size);
  const std::string_view cell(bytes.data(), bytes.size());
  duckdb_data_chunk_reset(target.chunk.get());
  target.arena.Clear();
  Batch batch(target.schema);
  batch.Attach(target.chunk.get());
  std::vector<std::size_t> rows(target.schema.size());
  for (std::size_t i = 0; i < target.schema.size(); ++i) {
    auto& out = batch.columns()[i];
    // Several times: a row that failed is written again, lists grow.
    for (int turn = 0; turn < 3; ++turn) {
      const std::size_t elements = out.list_size();
      const Fault fault = DecodeTextCell(target.schema[i].type, target.layouts[i], cell, rows[i],
                                         out, target.arena);
      if (fault == Fault::kNone) {
        ++rows[i];
      } else if (target.schema[i].type.kind == Kind::kList) {
        out.TruncateList(elements);
      }
    }
  }
  batch.Finish(3);
  for (std::size_t i = 0; i < target.schema.size(); ++i) {
    Walk(duckdb_data_chunk_get_vector(target.chunk.get(), i), target.schema[i].type, 0, rows[i]);
  }
  return 0;
}
