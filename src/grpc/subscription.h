// A subscription, read by StreamingPull.
#pragma once

#include <memory>

#include "connectors/google/grpc.h"

namespace afluente::grpc_api {

std::unique_ptr<pubsub::Subscription> OpenSubscription(google::Endpoint endpoint,
                                                       pubsub::PullOptions options);

}  // namespace afluente::grpc_api
