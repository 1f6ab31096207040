#include "connectors/bigquery/table_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "base/names.h"
#include "connectors/bigquery/avro_rows.h"
#include "connectors/bigquery/types.h"
#include "connectors/google/grpc.h"
#include "pipeline/shaping.h"

namespace afluente::bigquery {
namespace {

class StreamReader final : public data::BatchReader {
 public:
  StreamReader(std::unique_ptr<RowStream> stream, AvroRows rows, pipeline::Progress& progress,
               std::stop_token stop)
      : stream_(std::move(stream)),
        rows_(std::move(rows)),
        progress_(progress),
        stop_(std::move(stop)) {}

  Result<std::size_t> Next(data::Batch& batch) override {
    for (;;) {
      AFL_ASSIGN(const std::size_t filled, rows_.Fill(batch));
      progress_.rows += filled;
      if (filled > 0) return filled;
      AFL_ASSIGN(std::string block, stream_->Next(stop_));
      if (block.empty()) return std::size_t{0};
      progress_.bytes += block.size();
      rows_.Begin(std::move(block));
    }
  }

 private:
  const std::unique_ptr<RowStream> stream_;
  AvroRows rows_;
  pipeline::Progress& progress_;
  const std::stop_token stop_;
};

class TableSource final : public pipeline::Source {
 public:
  TableSource(std::shared_ptr<TableReads> reads, ReadSession session, data::Schema schema,
              pipeline::Progress& progress)
      : reads_(std::move(reads)),
        session_(std::move(session)),
        schema_(std::move(schema)),
        progress_(progress) {}

  const data::Schema& schema() const override { return schema_; }
  // A lane without rows, too: an empty table replaces what is there.
  int lanes() const override { return std::max(1, static_cast<int>(session_.streams.size())); }
  std::uint64_t estimated_rows() const override { return session_.estimated_rows; }
  data::Position end() const override { return {"snapshot", "{}"}; }
  std::vector<data::DeadLetter> dead_letters() const override { return {}; }
  Result<std::unique_ptr<data::BatchReader>> OpenLane(const std::stop_token& stop) override {
    const std::size_t lane = next_++;
    if (lane >= session_.streams.size()) return std::unique_ptr<data::BatchReader>(new NoRows());
    AFL_ASSIGN(AvroRows rows, AvroRows::Open(session_.avro_schema, schema_));
    return std::unique_ptr<data::BatchReader>(std::make_unique<StreamReader>(
        reads_->Open(session_.streams[lane]), std::move(rows), progress_, stop));
  }

 private:
  class NoRows final : public data::BatchReader {
   public:
    Result<std::size_t> Next(data::Batch& /*batch*/) override { return std::size_t{0}; }
  };

  const std::shared_ptr<TableReads> reads_;
  const ReadSession session_;
  const data::Schema schema_;
  pipeline::Progress& progress_;
  std::atomic<std::size_t> next_{0};
};

Status CheckRules(const nlohmann::json& fields, const estate::Integration& integration) {
  std::vector<std::string> names;
  for (const nlohmann::json& field : fields) names.push_back(field.value("name", ""));
  return pipeline::CheckColumnRules(names, integration.source.warehouse_table->ToString(),
                                    integration);
}

Result<data::Schema> SchemaOf(const nlohmann::json& fields,
                              const estate::Integration& integration) {
  data::Schema schema;
  for (const nlohmann::json& field : fields) {
    const std::string name = field.value("name", "");
    if (!pipeline::IsSelected(name, integration)) continue;
    auto type = TypeOfField(field);
    if (!type) {
      return Error(ErrorKind::kSchemaMismatch,
                   fmt::format("column {} of {} has type {}, which does not travel: leave it out "
                               "(columns: {{ {}: {{ exclude: true }} }}), or read a table that has "
                               "it as STRING or JSON",
                               name, integration.source.warehouse_table->ToString(),
                               field.value("type", ""), name));
    }
    schema.push_back({name, *std::move(type), true});
  }
  if (schema.empty()) {
    return Error(ErrorKind::kInvalidConfig, "the source has no columns left to read");
  }
  return schema;
}

}  // namespace

Result<std::unique_ptr<pipeline::Source>> OpenTableSource(Client& client,
                                                          std::shared_ptr<TableReads> reads,
                                                          const estate::Integration& integration,
                                                          pipeline::Progress& progress,
                                                          const std::stop_token& stop) {
  if (integration.mode == estate::Mode::kIncremental) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("{}: a warehouse table is read with mode snapshot, not incremental; "
                             "only rows that changed are written anyway",
                             integration.source.mark.ToString()));
  }
  const estate::TableAddress& address = *integration.source.warehouse_table;
  AFL_ASSIGN(const auto table, client.FindTable(address, stop));
  if (!table) {
    return Error(ErrorKind::kNotFound,
                 fmt::format("{}: BigQuery has no table {}; run the integration or the model that "
                             "makes it first",
                             integration.source.mark.ToString(), address.ToString()));
  }
  AFL_TRY(CheckRules(table->fields, integration));
  AFL_ASSIGN(data::Schema schema, SchemaOf(table->fields, integration));
  ReadRequest request;
  request.project = address.project;
  request.table = fmt::format("projects/{}/datasets/{}/tables/{}", address.project, address.dataset,
                              address.table);
  for (const data::Column& column : schema) request.columns.push_back(column.name);
  request.condition = integration.where;
  request.streams_max = integration.parallel > 0
                            ? integration.parallel
                            : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  AFL_ASSIGN(ReadSession session,
             reads->Begin(request, stop).Within([&] { return address.ToString(); }));
  return std::unique_ptr<pipeline::Source>(std::make_unique<TableSource>(
      std::move(reads), std::move(session), std::move(schema), progress));
}

Result<std::shared_ptr<TableReads>> OpenReads(const Clock& clock) {
  AFL_ASSIGN(const google::Grpc* const grpc, google::LoadGrpc());
  AFL_ASSIGN(google::Endpoint endpoint,
             google::EndpointOf("bigquerystorage.googleapis.com:443",
                                "BIGQUERY_STORAGE_EMULATOR_HOST", clock));
  return std::shared_ptr<TableReads>(grpc->OpenTableReads(std::move(endpoint)));
}

}  // namespace afluente::bigquery
