// A server to which any client of Pub/Sub publishes.
#pragma once

#include <memory>
#include <string>

#include "connectors/pubsub/pubsub.h"

namespace afluente::grpc_api {

Result<std::unique_ptr<pubsub::PublishServer>> ServePublishers(const std::string& host, int port,
                                                               pubsub::PublishHandler& handler);

}  // namespace afluente::grpc_api
