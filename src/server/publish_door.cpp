#include "server/publish_door.h"

#include <fmt/format.h>

#include "connectors/google/grpc.h"
#include "orchestrator/inbox/read_message.h"

namespace afluente::server {
namespace {

// Source: Pub/Sub, "Quotas and limits", resource limits.
Status CheckRequest(const std::vector<pubsub::Message>& messages) {
  const auto refuse = [](std::string why) {
    return Error(ErrorKind::kInvalidConfig, std::move(why));
  };
  if (messages.empty()) return refuse("there is no message in the request");
  if (messages.size() > pubsub::kPublishMessagesMax) {
    return refuse(fmt::format("{} messages in one request; {} at most", messages.size(),
                              pubsub::kPublishMessagesMax));
  }
  std::size_t bytes = 0;
  for (const pubsub::Message& message : messages) {
    if (message.data.empty() && message.attributes.empty()) {
      return refuse("a message has neither data nor attributes");
    }
    bytes += message.data.size();
    for (const auto& [name, value] : message.attributes) bytes += name.size() + value.size();
  }
  if (bytes > pubsub::kPublishBytesMax) {
    return refuse(
        fmt::format("{} bytes in one request; {} at most", bytes, pubsub::kPublishBytesMax));
  }
  return Done{};
}

}  // namespace

Result<std::unique_ptr<PublishDoor>> PublishDoor::Open(const estate::Estate& estate,
                                                       orchestrator::Inbox& inbox) {
  if (estate.inbox.pubsub_listen.empty()) return std::unique_ptr<PublishDoor>();
  std::unique_ptr<PublishDoor> door(new PublishDoor(inbox));
  for (auto& [path, endpoint] : orchestrator::EndpointsOf(estate)) {
    if (!endpoint.is_topic || endpoint.project.empty() || !endpoint.subscription.empty()) continue;
    door->topics_.emplace(orchestrator::TopicName(endpoint), endpoint);
  }
  const auto place = [&] { return "inbox: pubsub_listen " + estate.inbox.pubsub_listen; };
  AFL_ASSIGN(const auto address, estate::ParseListen(estate.inbox.pubsub_listen).Within(place));
  AFL_ASSIGN(const google::Grpc* const grpc, google::LoadGrpc());
  AFL_ASSIGN(door->server_, grpc->ServePublishers(address.host, address.port, *door).Within(place));
  return door;
}

Result<std::vector<std::string>> PublishDoor::Publish(const std::string& topic,
                                                      std::vector<pubsub::Message> messages) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) {
    return Error(ErrorKind::kNotFound,
                 fmt::format("{}: no integration of this estate reads it from the inbox", topic));
  }
  AFL_TRY(CheckRequest(messages));
  std::vector<orchestrator::Arrival> arrivals;
  std::vector<std::string> ids;
  for (pubsub::Message& message : messages) {
    message.id.clear();  // The server gives it.
    arrivals.push_back(orchestrator::ReadPublished(found->second, std::move(message)));
    ids.push_back(arrivals.back().id);
  }
  AFL_TRY(inbox_.Take(arrivals));
  return ids;
}

std::vector<std::string> PublishDoor::Topics() const {
  std::vector<std::string> names;
  for (const auto& [name, endpoint] : topics_) names.push_back(name);
  return names;
}

}  // namespace afluente::server
