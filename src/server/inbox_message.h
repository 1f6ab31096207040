// A request's body as what it brings: checked JSON, the envelope taken off, keys found.
#pragma once

#include <string>

#include "base/result.h"
#include "orchestrator/inbox.h"

namespace afluente::server {

/// Reads `body`, which came to `endpoint` with the id `id` ("" when its sender
/// gave none). A topic's body may be the envelope of a Pub/Sub push,
/// {"message": {"data": BASE64, "attributes": {...}, "messageId": ...,
/// "publishTime": ...}}: then the message is what its data says, its id is the
/// envelope's, and publishTime stands among the attributes. Without any id the
/// message gets one of its own. Borrows endpoint.
/// Errors: kInvalidConfig for what is not JSON in UTF-8, nests deeper than 100,
/// or has an id of more than 256 bytes.
/// Source of the envelope: Pub/Sub, "Receive messages by push".
Result<orchestrator::Arrival> ReadArrival(const orchestrator::InboxEndpoint& endpoint,
                                          std::string id, std::string body);

}  // namespace afluente::server
