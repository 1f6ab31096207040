// Channels and calls, as all of Google's services take them.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "connectors/google/grpc.h"

namespace afluente::grpc_api {

/// Answers of up to `answer_bytes_max` are taken.
std::shared_ptr<grpc::Channel> ChannelTo(const google::Endpoint& endpoint, int answer_bytes_max);

/// The context of one call, which `stop` cancels.
class Call {
 public:
  /// `routing`: "subscription=projects/...", what tells the service's front end where to send it.
  /// Source: AIP-4222.
  Call(const std::string& token, const std::string& routing, const std::stop_token& stop);
  ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  grpc::ClientContext& context() { return context_; }
  void EndAfter(std::chrono::seconds time);

 private:
  grpc::ClientContext context_;
  std::stop_callback<std::function<void()>> cancel_;
};

/// The error of a call that did not succeed; kCancelled if `stop` fired. `service`: "Pub/Sub".
/// Source: google.rpc.Code, and AIP-194 for what may be tried again.
Error ErrorOf(const grpc::Status& status, const std::string& service, const std::string& who,
              const std::stop_token& stop);

}  // namespace afluente::grpc_api
