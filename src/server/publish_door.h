// Where clients of Pub/Sub publish to the inbox, as to an emulator: gRPC, unsigned, on this
// machine.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/pubsub/pubsub.h"
#include "estate/estate.h"
#include "orchestrator/inbox/inbox.h"

namespace afluente::server {

/// Serves google.pubsub.v1.Publisher for the topics that integrations read from the inbox,
/// until destroyed. Publish answers once the messages are durable.
class PublishDoor final : public pubsub::PublishHandler {
 public:
  /// nullptr when the estate has no inbox.pubsub_listen. Borrows everything.
  /// Errors: kInvalidConfig for an address that cannot be listened at.
  static Result<std::unique_ptr<PublishDoor>> Open(const estate::Estate& estate,
                                                   orchestrator::Inbox& inbox);

  const std::string& address() const { return server_->address(); }

  Result<std::vector<std::string>> Publish(const std::string& topic,
                                           std::vector<pubsub::Message> messages) override;
  std::vector<std::string> Topics() const override;

 private:
  explicit PublishDoor(orchestrator::Inbox& inbox) : inbox_(inbox) {}

  orchestrator::Inbox& inbox_;
  std::map<std::string, orchestrator::InboxEndpoint> topics_;  // By Pub/Sub's name.
  std::unique_ptr<pubsub::PublishServer> server_;              // Last: it ends before what it uses.
};

}  // namespace afluente::server
