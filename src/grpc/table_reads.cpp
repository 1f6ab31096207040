#include "grpc/table_reads.h"

#include <fmt/format.h>
#include <google/cloud/bigquery/storage/v1/storage.grpc.pb.h>
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include "base/stop_after.h"
#include "grpc/calls.h"

namespace afluente::grpc_api {
namespace {

namespace v1 = ::google::cloud::bigquery::storage::v1;

// Source: Storage Read API, ReadRows: a message has 128 MB at most.
constexpr int kAnswerBytesMax = 129 << 20;

class Stream final : public bigquery::RowStream {
 public:
  Stream(const google::Endpoint& endpoint, v1::BigQueryRead::Stub& stub, std::string name)
      : endpoint_(endpoint), stub_(stub), name_(std::move(name)) {}
  ~Stream() override { End(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Result<std::string> Next(const std::stop_token& stop) override {
    constexpr int kTriesMax = 6;
    constexpr std::chrono::milliseconds kFirstPause{250};
    for (int tries = 1;; ++tries) {
      auto block = Read(stop);
      if (block.ok()) return block;
      const Error& error = std::as_const(block).error();
      if (error.kind() != ErrorKind::kTransient || tries == kTriesMax) return block;
      spdlog::debug("BigQuery: {}: {}; on from row {}", name_, error.message(), offset_);
      Rest(stop, kFirstPause * (1 << tries));
    }
  }

 private:
  Result<std::string> Read(const std::stop_token& stop) {
    if (reader_ == nullptr) {
      AFL_ASSIGN(const std::string token, endpoint_.token(stop));
      call_ = std::make_unique<Call>(token, "read_stream=" + name_, stop);
      v1::ReadRowsRequest request;
      request.set_read_stream(name_);
      request.set_offset(offset_);
      reader_ = stub_.ReadRows(&call_->context(), request);
    }
    v1::ReadRowsResponse response;
    while (reader_->Read(&response)) {
      offset_ += response.row_count();
      auto& rows = *response.mutable_avro_rows()->mutable_serialized_binary_rows();
      if (!rows.empty()) return std::move(rows);
    }
    const grpc::Status status = reader_->Finish();
    reader_.reset();
    call_.reset();
    if (status.ok()) return std::string();
    return ErrorOf(status, "BigQuery", endpoint_.who, stop);
  }

  void End() {
    if (reader_ == nullptr) return;
    call_->context().TryCancel();
    reader_->Finish();
  }

  const google::Endpoint& endpoint_;
  v1::BigQueryRead::Stub& stub_;
  const std::string name_;
  std::int64_t offset_ = 0;
  std::unique_ptr<Call> call_;
  std::unique_ptr<grpc::ClientReader<v1::ReadRowsResponse>> reader_;
};

class Reads final : public bigquery::TableReads {
 public:
  explicit Reads(google::Endpoint endpoint)
      : endpoint_(std::move(endpoint)),
        stub_(v1::BigQueryRead::NewStub(ChannelTo(endpoint_, kAnswerBytesMax))) {}

  Result<bigquery::ReadSession> Begin(const bigquery::ReadRequest& request,
                                      const std::stop_token& stop) override {
    constexpr std::chrono::seconds kAnswerIn{120};
    v1::CreateReadSessionRequest create;
    create.set_parent("projects/" + request.project);
    create.set_max_stream_count(request.streams_max);
    v1::ReadSession& wanted = *create.mutable_read_session();
    wanted.set_table(request.table);
    wanted.set_data_format(v1::DataFormat::AVRO);
    for (const std::string& column : request.columns) {
      wanted.mutable_read_options()->add_selected_fields(column);
    }
    wanted.mutable_read_options()->set_row_restriction(request.condition);
    AFL_ASSIGN(const std::string token, endpoint_.token(stop));
    Call call(token, "read_session.table=" + request.table, stop);
    call.EndAfter(kAnswerIn);
    spdlog::debug("BigQuery: CreateReadSession {}", request.table);
    v1::ReadSession made;
    const grpc::Status status = stub_->CreateReadSession(&call.context(), create, &made);
    if (!status.ok()) return ErrorOf(status, "BigQuery", endpoint_.who, stop);
    bigquery::ReadSession session;
    session.avro_schema = made.avro_schema().schema();
    for (const v1::ReadStream& stream : made.streams()) session.streams.push_back(stream.name());
    session.estimated_rows = static_cast<std::uint64_t>(made.estimated_row_count());
    return session;
  }

  std::unique_ptr<bigquery::RowStream> Open(const std::string& stream) override {
    return std::make_unique<Stream>(endpoint_, *stub_, stream);
  }

 private:
  const google::Endpoint endpoint_;
  const std::unique_ptr<v1::BigQueryRead::Stub> stub_;
};

}  // namespace

std::unique_ptr<bigquery::TableReads> OpenTableReads(google::Endpoint endpoint) {
  return std::make_unique<Reads>(std::move(endpoint));
}

}  // namespace afluente::grpc_api
