// COPY BINARY tuples: whatever a server or a network sends must not be read past its end, and what
// was decoded must be a chunk that DuckDB can walk.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "connectors/postgres/copy_decoder.h"
#include "data/batch.h"
#include "data/duckdb_api.h"

namespace {

using afluente::data::Batch;
using afluente::data::DuckChunk;
using afluente::data::DuckType;
using afluente::data::Kind;
using afluente::data::LogicalType;
using afluente::data::Schema;
using afluente::postgres::TextForm;

// The columns of corpus.sql, in its order.
Schema Columns() {
  Schema schema;
  const auto add = [&](LogicalType type) { schema.push_back({"column", std::move(type), true}); };
  for (const Kind kind :
       {Kind::kBool, Kind::kInt16, Kind::kInt32, Kind::kInt64, Kind::kUint32, Kind::kFloat32,
        Kind::kFloat64, Kind::kText, Kind::kJson, Kind::kBytes, Kind::kUuid, Kind::kDate,
        Kind::kTime, Kind::kTimeTz, Kind::kTimestamp, Kind::kTimestampTz, Kind::kInterval}) {
    add({kind, 0, 0, nullptr});
  }
  add(LogicalType::Decimal(4, 2));
  add(LogicalType::Decimal(38, 10));
  add(LogicalType::List({Kind::kInt32, 0, 0, nullptr}));
  add(LogicalType::List({Kind::kText, 0, 0, nullptr}));
  add(LogicalType::List(LogicalType::List({Kind::kInt64, 0, 0, nullptr})));
  add(LogicalType::List(LogicalType::Decimal(12, 4)));
  return schema;
}

std::vector<TextForm> Forms(const Schema& schema) {
  std::vector<TextForm> forms;
  for (const auto& column : schema) {
    forms.push_back(column.type.kind == Kind::kJson ? TextForm::kJsonb : TextForm::kPlain);
  }
  return forms;
}

// NOLINTNEXTLINE(misc-no-recursion): a list's elements may be lists.
void CheckLists(duckdb_vector vector, const LogicalType& type, std::size_t rows) {
  if (type.kind != Kind::kList) return;
  const std::size_t elements = duckdb_list_vector_get_size(vector);
  const auto* entries = static_cast<duckdb_list_entry*>(duckdb_vector_get_data(vector));
  std::uint64_t* validity = duckdb_vector_get_validity(vector);
  for (std::size_t row = 0; row < rows; ++row) {
    const bool valid = validity == nullptr || duckdb_validity_row_is_valid(validity, row);
    if (valid && entries[row].offset + entries[row].length > elements) std::abort();
  }
  CheckLists(duckdb_list_vector_get_child(vector), *type.element,
             type.element->kind == Kind::kList ? elements : 0);
}

struct Target {
  Schema schema = Columns();
  afluente::postgres::CopyDecoder decoder{schema, Forms(schema)};
  DuckChunk chunk;

  Target() {
    std::vector<DuckType> types;
    std::vector<duckdb_logical_type> raw;
    for (const auto& column : schema) {
      types.push_back(column.type.ToDuckdb());
      raw.push_back(types.back().get());
    }
    chunk = DuckChunk(duckdb_create_data_chunk(raw.data(), raw.size()));
  }
};

// A corpus file is a whole stream of one row: header of 19 bytes, trailer of 2.
std::string_view TupleOf(std::string_view input) {
  if (!input.starts_with("PGCOPY") || input.size() < 21) return input;
  return input.substr(19, input.size() - 21);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Target target;
  // A copy of exact size: the sanitizer sees a read past its end.
  const std::string_view tuple = TupleOf({reinterpret_cast<const char*>(data), size});
  const std::vector<char> bytes(tuple.begin(), tuple.end());
  const std::string_view exact(bytes.data(), bytes.size());
  duckdb_data_chunk_reset(target.chunk.get());
  Batch batch(target.schema);
  batch.Attach(target.chunk.get());
  // Several times: a row that failed is written again, lists grow.
  std::size_t rows = 0;
  for (int i = 0; i < 3; ++i) {
    if (target.decoder.DecodeTuple(exact, rows, batch).ok()) ++rows;
  }
  (void)target.decoder.DescribeRow(exact, {1, 3, 7, 10});
  batch.Finish(rows);
  for (std::size_t i = 0; i < target.schema.size(); ++i) {
    CheckLists(duckdb_data_chunk_get_vector(target.chunk.get(), i), target.schema[i].type, rows);
  }
  return 0;
}
