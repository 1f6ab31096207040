#include "grpc/messages.h"

#include <google/protobuf/util/time_util.h>

namespace afluente::grpc_api {

pubsub::Message TakeMessage(::google::pubsub::v1::PubsubMessage& message) {
  pubsub::Message taken;
  taken.id = std::move(*message.mutable_message_id());
  taken.data = std::move(*message.mutable_data());
  taken.ordering_key = std::move(*message.mutable_ordering_key());
  for (auto& [name, value] : *message.mutable_attributes()) {
    taken.attributes.emplace(name, std::move(value));
  }
  if (message.has_publish_time()) {
    taken.published_at = ::google::protobuf::util::TimeUtil::ToString(message.publish_time());
  }
  return taken;
}

}  // namespace afluente::grpc_api
