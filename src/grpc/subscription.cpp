#include "grpc/subscription.h"

#include <fmt/format.h>
#include <google/pubsub/v1/pubsub.grpc.pb.h>
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "grpc/calls.h"
#include "grpc/messages.h"

namespace afluente::grpc_api {
namespace {

namespace v1 = ::google::pubsub::v1;
using pubsub::Delivery;
using Stub = v1::Subscriber::Stub;

// Of one Acknowledge or ModifyAckDeadline. Source: Pub/Sub, "Quotas and limits": a request
// of them has 512 KiB at most; an id has up to 200 bytes.
constexpr std::size_t kAckIdsMax = 2'500;

// A message of the largest size that Pub/Sub takes, and what is around it.
constexpr int kAnswerBytesMax = 32 << 20;

class StreamingPull final : public pubsub::Subscription {
 public:
  StreamingPull(google::Endpoint endpoint, pubsub::PullOptions options)
      : endpoint_(std::move(endpoint)),
        options_(std::move(options)),
        stub_(v1::Subscriber::NewStub(ChannelTo(endpoint_, kAnswerBytesMax))) {}
  ~StreamingPull() override { End(); }
  StreamingPull(const StreamingPull&) = delete;
  StreamingPull& operator=(const StreamingPull&) = delete;

  Status Ensure(const std::stop_token& stop) override {
    v1::GetSubscriptionRequest get;
    get.set_subscription(options_.subscription);
    v1::Subscription found;
    grpc::Status status;
    AFL_ASSIGN(status, Ask(&Stub::GetSubscription, get, found, stop));
    if (status.ok()) return CheckTopic(found);
    if (status.error_code() != grpc::StatusCode::NOT_FOUND) {
      return Failed(status, stop);
    }
    v1::Subscription wanted;
    wanted.set_name(options_.subscription);
    wanted.set_topic(options_.topic);
    wanted.set_ack_deadline_seconds(static_cast<int>(options_.ack_deadline.count()));
    wanted.set_enable_message_ordering(true);
    wanted.mutable_expiration_policy();  // Without a time: never.
    AFL_ASSIGN(status, Ask(&Stub::CreateSubscription, wanted, found, stop));
    if (status.ok()) {
      spdlog::info("Pub/Sub: made subscription {} of {}", options_.subscription, options_.topic);
      return Done{};
    }
    if (status.error_code() == grpc::StatusCode::ALREADY_EXISTS) return Done{};
    Error error = Failed(status, stop);
    error.AddFrame(fmt::format("subscription {} does not exist and cannot be made for {}",
                               options_.subscription, options_.topic));
    return error;
  }

  Result<std::vector<Delivery>> Next(const std::stop_token& stop) override {
    if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
    if (stream_ == nullptr) AFL_TRY(Begin(stop));
    v1::StreamingPullResponse response;
    if (!stream_->Read(&response)) {
      const grpc::Status status = stream_->Finish();
      stream_.reset();
      call_.reset();
      return Failed(status, stop);
    }
    std::vector<Delivery> deliveries;
    deliveries.reserve(static_cast<std::size_t>(response.received_messages_size()));
    for (v1::ReceivedMessage& received : *response.mutable_received_messages()) {
      deliveries.push_back(
          {TakeMessage(*received.mutable_message()), std::move(*received.mutable_ack_id())});
    }
    return deliveries;
  }

  Status Acknowledge(const std::vector<std::string>& ack_ids,
                     const std::stop_token& stop) override {
    return InParts<v1::AcknowledgeRequest>(ack_ids, &Stub::Acknowledge, stop);
  }

  Status Extend(const std::vector<std::string>& ack_ids, const std::stop_token& stop) override {
    return InParts<v1::ModifyAckDeadlineRequest>(ack_ids, &Stub::ModifyAckDeadline, stop);
  }

 private:
  std::string Routing() const { return "subscription=" + options_.subscription; }
  Error Failed(const grpc::Status& status, const std::stop_token& stop) const {
    return ErrorOf(status, "Pub/Sub", endpoint_.who, stop);
  }

  Status CheckTopic(const v1::Subscription& found) const {
    if (found.topic() == options_.topic) return Done{};
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("subscription {} is of {}, not of {}; name another one",
                             options_.subscription, found.topic(), options_.topic));
  }

  Status Begin(const std::stop_token& stop) {
    AFL_ASSIGN(const std::string token, endpoint_.token(stop));
    call_ = std::make_unique<Call>(token, Routing(), stop);
    stream_ = stub_->StreamingPull(&call_->context());
    v1::StreamingPullRequest request;
    request.set_subscription(options_.subscription);
    request.set_stream_ack_deadline_seconds(static_cast<int>(options_.ack_deadline.count()));
    request.set_max_outstanding_messages(options_.messages_max);
    request.set_max_outstanding_bytes(options_.bytes_max);
    stream_->Write(request);  // What failed is said by Read.
    return Done{};
  }

  void End() {
    if (stream_ == nullptr) return;
    call_->context().TryCancel();
    stream_->Finish();
  }

  template <class Request, class Response>
  Result<grpc::Status> Ask(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                        Response*),
                           const Request& request, Response& response,
                           const std::stop_token& stop) {
    constexpr std::chrono::seconds kAnswerIn{60};
    AFL_ASSIGN(const std::string token, endpoint_.token(stop));
    Call call(token, Routing(), stop);
    call.EndAfter(kAnswerIn);
    spdlog::debug("Pub/Sub: {}", Request::descriptor()->name());
    return (stub_.get()->*method)(&call.context(), request, &response);
  }

  template <class Request>
  Status InParts(const std::vector<std::string>& ack_ids,
                 grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                              ::google::protobuf::Empty*),
                 const std::stop_token& stop) {
    for (std::size_t begin = 0; begin < ack_ids.size(); begin += kAckIdsMax) {
      const std::size_t end = std::min(begin + kAckIdsMax, ack_ids.size());
      Request request;
      request.set_subscription(options_.subscription);
      for (std::size_t i = begin; i < end; ++i) request.add_ack_ids(ack_ids[i]);
      if constexpr (std::is_same_v<Request, v1::ModifyAckDeadlineRequest>) {
        request.set_ack_deadline_seconds(static_cast<int>(options_.ack_deadline.count()));
      }
      ::google::protobuf::Empty none;
      AFL_ASSIGN(const grpc::Status status, Ask(method, request, none, stop));
      if (!status.ok()) return Failed(status, stop);
    }
    return Done{};
  }

  const google::Endpoint endpoint_;
  const pubsub::PullOptions options_;
  const std::unique_ptr<Stub> stub_;
  std::unique_ptr<Call> call_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamingPullRequest, v1::StreamingPullResponse>>
      stream_;
};

}  // namespace

std::unique_ptr<pubsub::Subscription> OpenSubscription(google::Endpoint endpoint,
                                                       pubsub::PullOptions options) {
  return std::make_unique<StreamingPull>(std::move(endpoint), std::move(options));
}

}  // namespace afluente::grpc_api
