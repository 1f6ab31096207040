// Rows of BigQuery's Storage Read API: whatever a block holds must not be read past its end, and
// what was decoded must be a chunk that DuckDB can walk.
#include "connectors/bigquery/avro_rows.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "data/duckdb_api.h"

namespace {

using afluente::bigquery::AvroRows;
using afluente::data::Batch;
using afluente::data::DuckChunk;
using afluente::data::DuckType;
using afluente::data::Kind;
using afluente::data::LogicalType;
using afluente::data::Schema;

struct Target {
  Schema schema;
  std::string avro;
  DuckChunk chunk;

  Target() {
    Add({Kind::kInt64, 0, 0, nullptr}, R"("long")");
    Add({Kind::kFloat64, 0, 0, nullptr}, R"("double")");
    Add({Kind::kBool, 0, 0, nullptr}, R"("boolean")");
    Add({Kind::kText, 0, 0, nullptr}, R"("string")");
    Add({Kind::kBytes, 0, 0, nullptr}, R"("bytes")");
    Add({Kind::kDate, 0, 0, nullptr}, R"("int")");
    Add({Kind::kTimestamp, 0, 0, nullptr}, R"("string")");
    Add({Kind::kInterval, 0, 0, nullptr}, R"("string")");
    Add(LogicalType::Decimal(4, 2), R"({"type": "bytes", "scale": 9})");
    Add(LogicalType::Decimal(38, 19), R"({"type": "bytes", "scale": 38})");
    Add(LogicalType::List({Kind::kText, 0, 0, nullptr}),
        R"({"type": "array", "items": ["null", "string"]})");
    avro = R"({"type": "record", "fields": [)" + avro + "]}";
    std::vector<DuckType> types;
    std::vector<duckdb_logical_type> raw;
    for (const auto& column : schema) {
      types.push_back(column.type.ToDuckdb());
      raw.push_back(types.back().get());
    }
    chunk = DuckChunk(duckdb_create_data_chunk(raw.data(), raw.size()));
  }

 private:
  void Add(LogicalType type, const std::string& form) {
    const std::string name = "c" + std::to_string(schema.size());
    avro += (schema.empty() ? "" : ", ") + (R"({"name": ")" + name + R"(", "type": ["null", )") +
            form + "]}";
    schema.push_back({name, std::move(type), true});
  }
};

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Target target;
  auto rows = AvroRows::Open(target.avro, target.schema);
  Require(rows.ok());
  rows.value().Begin(std::string(reinterpret_cast<const char*>(data), size));
  for (;;) {
    duckdb_data_chunk_reset(target.chunk.get());
    Batch batch(target.schema);
    batch.Attach(target.chunk.get());
    const auto filled = rows.value().Fill(batch);
    if (!filled.ok() || filled.value() == 0) return 0;
    batch.Finish(filled.value());
    Require(duckdb_data_chunk_get_size(target.chunk.get()) == filled.value());
  }
}
