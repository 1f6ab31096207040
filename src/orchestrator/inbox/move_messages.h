// From the inbox to where messages belong, in order, whatever single ones hold.
#pragma once

#include <functional>
#include <stop_token>

#include "base/clock.h"
#include "base/result.h"
#include "connectors/registry.h"
#include "estate/estate.h"
#include "orchestrator/inbox/inbox.h"
#include "pipeline/progress.h"
#include "pipeline/sink.h"

namespace afluente::orchestrator {

/// What moving messages needs; borrowed.
struct MessageRoute {
  const estate::Estate& estate;
  connectors::Destinations destinations;
  Inbox& inbox;
  const Clock& clock;
};

/// Moves all messages that wait for `integration`, the oldest first, in as many
/// commits as it takes, and lets go of them. `on_committed` hears of each.
/// A set that does not go in as a whole is halved until the message that stops it
/// stands alone: it is set aside with on_bad_row: dead_letter, else it is the
/// error, and what came before it has arrived.
/// Errors: of source and sink; kCancelled when `stop` fires.
Status MoveMessages(const MessageRoute& route, const estate::Integration& integration,
                    pipeline::Progress& progress, const std::stop_token& stop,
                    const std::function<void(const pipeline::Committed&)>& on_committed);

}  // namespace afluente::orchestrator
