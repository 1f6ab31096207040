#include <grpc/support/log.h>
#include <spdlog/spdlog.h>

#include "connectors/google/grpc.h"
#include "grpc/publish_server.h"
#include "grpc/subscription.h"
#include "grpc/table_reads.h"

namespace afluente::grpc_api {
namespace {

class Grpc final : public google::Grpc {
 public:
  std::unique_ptr<pubsub::Subscription> OpenSubscription(
      google::Endpoint endpoint, pubsub::PullOptions options) const override {
    return grpc_api::OpenSubscription(std::move(endpoint), std::move(options));
  }
  Result<std::unique_ptr<pubsub::PublishServer>> ServePublishers(
      const std::string& host, int port, pubsub::PublishHandler& handler) const override {
    return grpc_api::ServePublishers(host, port, handler);
  }
  std::unique_ptr<bigquery::TableReads> OpenTableReads(google::Endpoint endpoint) const override {
    return grpc_api::OpenTableReads(std::move(endpoint));
  }
};

// It would write to standard error itself; what went wrong is in the status of a call.
void Log(gpr_log_func_args* line) { spdlog::debug("gRPC: {}", line->message); }

}  // namespace
}  // namespace afluente::grpc_api

extern "C" __attribute__((visibility("default"))) const afluente::google::Grpc* AfluenteGrpc() {
  static const auto* grpc = [] {
    gpr_set_log_function(afluente::grpc_api::Log);
    return new afluente::grpc_api::Grpc();
  }();
  return grpc;
}
