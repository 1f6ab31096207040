#include "grpc/calls.h"

#include <fmt/format.h>

namespace afluente::grpc_api {
namespace {

ErrorKind KindOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return ErrorKind::kUnauthorized;
    case grpc::StatusCode::NOT_FOUND:
      return ErrorKind::kNotFound;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::OUT_OF_RANGE:
      return ErrorKind::kInvalidConfig;
    case grpc::StatusCode::OK:  // A stream that ended.
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::UNAVAILABLE:
      return ErrorKind::kTransient;
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::DATA_LOSS:
    case grpc::StatusCode::DO_NOT_USE:
      return ErrorKind::kInternal;
  }
  return ErrorKind::kInternal;
}

}  // namespace

std::shared_ptr<grpc::Channel> ChannelTo(const google::Endpoint& endpoint, int answer_bytes_max) {
  constexpr int kAskEveryMs = 60'000;
  constexpr int kAnswerInMs = 20'000;
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(answer_bytes_max);
  // A peer that went without a word is noticed.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kAskEveryMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kAnswerInMs);
  const auto credentials =
      endpoint.encrypted ? grpc::SslCredentials({}) : grpc::InsecureChannelCredentials();
  return grpc::CreateCustomChannel(endpoint.address, credentials, arguments);
}

Call::Call(const std::string& token, const std::string& routing, const std::stop_token& stop)
    : cancel_(stop, [this] { context_.TryCancel(); }) {
  if (!token.empty()) context_.AddMetadata("authorization", "Bearer " + token);
  context_.AddMetadata("x-goog-request-params", routing);
}

void Call::EndAfter(std::chrono::seconds time) {
  context_.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                     gpr_time_from_seconds(time.count(), GPR_TIMESPAN)));
}

Error ErrorOf(const grpc::Status& status, const std::string& service, const std::string& who,
              const std::stop_token& stop) {
  if (stop.stop_requested()) return {ErrorKind::kCancelled, "stopped"};
  const ErrorKind kind = KindOf(status.error_code());
  std::string text = status.error_message().empty() ? "the stream ended" : status.error_message();
  if (kind == ErrorKind::kUnauthorized) text += fmt::format(" (as {})", who);
  return {kind, fmt::format("{}: {}", service, text)};
}

}  // namespace afluente::grpc_api
