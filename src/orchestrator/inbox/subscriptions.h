// Topics of Pub/Sub: their messages are pulled into the inbox, and acknowledged when they have
// arrived where they belong.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "estate/estate.h"
#include "orchestrator/inbox/inbox.h"

namespace afluente::orchestrator {

struct SubscriptionReport {
  std::string topic;              // As the estate names it.
  std::string subscription;       // "projects/P/subscriptions/S".
  std::uint64_t received = 0;     // Messages since this process began, duplicates included.
  std::uint64_t outstanding = 0;  // Not yet acknowledged.
  std::string error;              // Of the last failure; "" when it went well since.
};

/// Pulls until destroyed, two threads a topic. What fails is tried again, at longer and longer
/// intervals up to a minute. A message that is delivered again is known by its id. Thread-safe.
class Subscriptions {
 public:
  /// For the topics of connections with engine pubsub; PUBSUB_EMULATOR_HOST names an emulator.
  /// Borrows everything. Errors: kInvalidConfig for credentials that are none.
  static Result<std::unique_ptr<Subscriptions>> Open(const estate::Estate& estate, Inbox& inbox,
                                                     const Clock& clock);
  ~Subscriptions();
  Subscriptions(const Subscriptions&) = delete;
  Subscriptions& operator=(const Subscriptions&) = delete;

  std::vector<SubscriptionReport> Reports() const;

 private:
  class Puller;
  Subscriptions() = default;

  std::map<std::string, InboxEndpoint> endpoints_;
  std::vector<std::unique_ptr<Puller>> pullers_;
};

}  // namespace afluente::orchestrator
