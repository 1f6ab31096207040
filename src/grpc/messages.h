// Messages between Pub/Sub's form and ours.
#pragma once

#include <google/pubsub/v1/pubsub.pb.h>

#include "connectors/pubsub/pubsub.h"

namespace afluente::grpc_api {

/// Moves the content out.
pubsub::Message TakeMessage(::google::pubsub::v1::PubsubMessage& message);

}  // namespace afluente::grpc_api
