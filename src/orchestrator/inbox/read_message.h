// What a message brings: checked JSON, the envelope taken off, keys found.
#pragma once

#include <string>

#include "base/result.h"
#include "connectors/pubsub/pubsub.h"
#include "orchestrator/inbox/inbox.h"

namespace afluente::orchestrator {

/// Reads `body`, which came to `endpoint` with the id `id` ("" when its sender
/// gave none). A topic's body may be the envelope of a Pub/Sub push,
/// {"message": {"data": BASE64, "attributes": {...}, "messageId": ...,
/// "publishTime": ...}}: then the message is what its data says, its id is the
/// envelope's, and publishTime stands among the attributes. Without any id the
/// message gets one of its own. Borrows endpoint.
/// Errors: kInvalidConfig for what is not JSON in UTF-8, nests deeper than 100,
/// or has an id of more than 256 bytes.
/// Source of the envelope: Pub/Sub, "Receive messages by push".
Result<Arrival> ReadArrival(const InboxEndpoint& endpoint, std::string id, std::string body);

/// The same of a message that Pub/Sub delivered, or that was published. What is no message
/// for the endpoint is told by the arrival's fault: its publisher has gone. publishTime and
/// orderingKey stand among the attributes. Data that is no text stands in the body as base64.
/// Without an id the message gets one of its own. Borrows endpoint.
Arrival ReadPublished(const InboxEndpoint& endpoint, pubsub::Message message);

}  // namespace afluente::orchestrator
