#include "grpc/publish_server.h"

#include <fmt/format.h>
#include <google/pubsub/v1/pubsub.grpc.pb.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>

#include "grpc/messages.h"

namespace afluente::grpc_api {
namespace {

namespace v1 = ::google::pubsub::v1;

grpc::Status StatusOf(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::kNotFound:
      return {grpc::StatusCode::NOT_FOUND, error.message()};
    case ErrorKind::kInvalidConfig:
      return {grpc::StatusCode::INVALID_ARGUMENT, error.message()};
    case ErrorKind::kTransient:
    case ErrorKind::kCancelled:
      return {grpc::StatusCode::UNAVAILABLE, error.message()};
    case ErrorKind::kUnauthorized:
    case ErrorKind::kSchemaMismatch:
    case ErrorKind::kConversion:
    case ErrorKind::kInternal:
      return {grpc::StatusCode::INTERNAL, error.message()};
  }
  return {grpc::StatusCode::INTERNAL, error.message()};
}

// What clients of Pub/Sub call to publish; everything else is UNIMPLEMENTED.
class Publisher final : public v1::Publisher::Service {
 public:
  explicit Publisher(pubsub::PublishHandler& handler) : handler_(handler) {}

  grpc::Status Publish(grpc::ServerContext* /*context*/, const v1::PublishRequest* request,
                       v1::PublishResponse* response) override {
    // The request is ours: gRPC makes one for each call and drops it afterwards.
    auto& messages = *const_cast<v1::PublishRequest*>(request)->mutable_messages();
    std::vector<pubsub::Message> taken;
    taken.reserve(static_cast<std::size_t>(messages.size()));
    for (v1::PubsubMessage& message : messages) taken.push_back(TakeMessage(message));
    auto ids = handler_.Publish(request->topic(), std::move(taken));
    if (!ids.ok()) return StatusOf(ids.error());
    for (std::string& id : ids.value()) response->add_message_ids(std::move(id));
    return grpc::Status::OK;
  }

  grpc::Status GetTopic(grpc::ServerContext* /*context*/, const v1::GetTopicRequest* request,
                        v1::Topic* response) override {
    if (!Has(request->topic())) return Unknown(request->topic());
    response->set_name(request->topic());
    return grpc::Status::OK;
  }

  // Clients make a topic before they publish, and go on when it is there.
  grpc::Status CreateTopic(grpc::ServerContext* /*context*/, const v1::Topic* request,
                           v1::Topic* /*response*/) override {
    if (!Has(request->name())) return Unknown(request->name());
    return {grpc::StatusCode::ALREADY_EXISTS, request->name() + " exists"};
  }

  grpc::Status ListTopics(grpc::ServerContext* /*context*/, const v1::ListTopicsRequest* request,
                          v1::ListTopicsResponse* response) override {
    const std::string prefix = request->project() + "/";
    for (const std::string& topic : handler_.Topics()) {
      if (topic.starts_with(prefix)) response->add_topics()->set_name(topic);
    }
    return grpc::Status::OK;
  }

 private:
  bool Has(const std::string& topic) const {
    const auto topics = handler_.Topics();
    return std::find(topics.begin(), topics.end(), topic) != topics.end();
  }
  static grpc::Status Unknown(const std::string& topic) {
    return {grpc::StatusCode::NOT_FOUND,
            fmt::format("{}: no integration of this estate reads it", topic)};
  }

  pubsub::PublishHandler& handler_;
};

class Server final : public pubsub::PublishServer {
 public:
  explicit Server(pubsub::PublishHandler& handler) : publisher_(handler) {}
  ~Server() override {
    if (server_ != nullptr) server_->Shutdown(gpr_inf_future(GPR_CLOCK_MONOTONIC));
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Status Listen(const std::string& host, int port) {
    const std::string named = host.find(':') == std::string::npos ? host : "[" + host + "]";
    int bound = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(fmt::format("{}:{}", named, port), grpc::InsecureServerCredentials(),
                             &bound);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // Two would share the messages.
    builder.SetMaxReceiveMessageSize(kRequestBytesMax);
    builder.RegisterService(&publisher_);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || bound == 0) {
      return Error(ErrorKind::kInvalidConfig,
                   fmt::format("{}:{} cannot be listened at; does something else?", named, port));
    }
    address_ = fmt::format("{}:{}", named, bound);
    return Done{};
  }
  const std::string& address() const override { return address_; }

 private:
  static constexpr int kRequestBytesMax = static_cast<int>(pubsub::kPublishBytesMax) + (1 << 20);

  Publisher publisher_;
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

Result<std::unique_ptr<pubsub::PublishServer>> ServePublishers(const std::string& host, int port,
                                                               pubsub::PublishHandler& handler) {
  auto server = std::make_unique<Server>(handler);
  AFL_TRY(server->Listen(host, port));
  return std::unique_ptr<pubsub::PublishServer>(std::move(server));
}

}  // namespace afluente::grpc_api
