#include "connectors/duckdb/lane_function.h"

#include <fmt/format.h>

namespace afluente::duck {

struct LaneRegistry::Lane {
  data::BatchReader* reader;
  const data::Schema& schema;
  std::uint64_t estimated_rows;
  data::Batch batch;
  std::optional<Error> failure;
};

namespace {

constexpr const char* kFunction = "afluente_lane";

using Lane = LaneRegistry::Lane;

Result<std::size_t> FillGuarded(Lane& lane, duckdb_data_chunk chunk) {
  std::size_t rows = 0;
  const Status status = Guarded([&]() -> Status {
    lane.batch.Attach(chunk);
    AFL_ASSIGN(rows, lane.reader->Next(lane.batch));
    lane.batch.Finish(rows);
    return Done{};
  });
  if (!status.ok()) return status.error();
  return rows;
}

void Fill(duckdb_function_info info, duckdb_data_chunk chunk) {
  auto& lane = *static_cast<Lane*>(duckdb_function_get_bind_data(info));
  if (lane.reader == nullptr) {
    duckdb_data_chunk_set_size(chunk, 0);
    return;
  }
  Result<std::size_t> filled = FillGuarded(lane, chunk);
  if (filled.ok()) return;
  lane.failure = std::move(filled).error();
  duckdb_function_set_error(info, lane.failure->message().c_str());
}

void InitSingleThread(duckdb_init_info info) { duckdb_init_set_max_threads(info, 1); }

}  // namespace

LaneRegistry::LaneRegistry() = default;
LaneRegistry::~LaneRegistry() = default;

Status LaneRegistry::Install(duckdb_connection connection) {
  data::DuckTableFunction function(duckdb_create_table_function());
  const data::DuckType id(duckdb_create_logical_type(DUCKDB_TYPE_BIGINT));
  duckdb_table_function_set_name(function.get(), kFunction);
  duckdb_table_function_add_parameter(function.get(), id.get());
  duckdb_table_function_set_extra_info(function.get(), this, nullptr);
  duckdb_table_function_set_bind(function.get(), [](duckdb_bind_info info) {
    auto& registry = *static_cast<LaneRegistry*>(duckdb_bind_get_extra_info(info));
    const data::DuckValue parameter(duckdb_bind_get_parameter(info, 0));
    const std::lock_guard lock(registry.mutex_);
    const auto found = registry.lanes_.find(duckdb_get_int64(parameter.get()));
    if (found == registry.lanes_.end()) {
      duckdb_bind_set_error(info, "afluente_lane is for afluente's own statements");
      return;
    }
    Lane& lane = *found->second;
    for (const data::Column& column : lane.schema) {
      duckdb_bind_add_result_column(info, column.name.c_str(), column.type.ToDuckdb().get());
    }
    duckdb_bind_set_cardinality(info, lane.estimated_rows, false);
    duckdb_bind_set_bind_data(info, &lane, nullptr);
  });
  duckdb_table_function_set_init(function.get(), InitSingleThread);
  duckdb_table_function_set_function(function.get(), Fill);
  if (duckdb_register_table_function(connection, function.get()) == DuckDBError) {
    return Error(ErrorKind::kInternal, "the lane function cannot be registered");
  }
  return Done{};
}

LaneTable::LaneTable(LaneRegistry& registry, data::BatchReader* reader, const data::Schema& schema,
                     std::uint64_t estimated_rows)
    : registry_(registry) {
  auto lane =
      std::make_unique<Lane>(reader, schema, estimated_rows, data::Batch(schema), std::nullopt);
  lane_ = lane.get();
  const std::lock_guard lock(registry_.mutex_);
  id_ = registry_.next_id_++;
  registry_.lanes_.emplace(id_, std::move(lane));
}

LaneTable::~LaneTable() {
  const std::lock_guard lock(registry_.mutex_);
  registry_.lanes_.erase(id_);
}

std::string LaneTable::sql() const { return fmt::format("{}({})", kFunction, id_); }

std::optional<Error> LaneTable::failure() const { return lane_->failure; }

}  // namespace afluente::duck
