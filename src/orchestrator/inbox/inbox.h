// Messages of webhooks and topics: durable before their sender is answered, kept until they have
// arrived.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "connectors/inbox/messages.h"
#include "estate/estate.h"
#include "orchestrator/event_store.h"

namespace afluente::orchestrator {

/// A path of the inbox, and whom it concerns.
struct InboxEndpoint {
  std::string path;    // "/hooks/flows", "/topics/message-events".
  std::string feed;    // "webhook /hooks/flows", "topic message-events".
  std::string secret;  // Unresolved.
  bool is_topic = false;
  std::string project;  // Of a topic that is read: its connection's.
  /// The subscription that it is pulled from; "": senders bring it.
  std::string subscription;
  std::vector<const estate::Integration*> readers;    // Whose source it is.
  std::vector<const estate::Integration*> triggered;  // Others that run for it.
  estate::Mark mark;
};

/// By path. Borrows the estate's integrations.
std::map<std::string, InboxEndpoint> EndpointsOf(const estate::Estate& estate);

/// "projects/P/topics/T": how Pub/Sub names the topic of `endpoint`.
std::string TopicName(const InboxEndpoint& endpoint);

/// One message that came.
struct Arrival {
  const InboxEndpoint* endpoint = nullptr;
  std::string id;          // The sender's; the same id is the same message.
  std::string attributes;  // A JSON object.
  std::string body;        // JSON, or any text with a fault.
  std::string fault;       // Why it is none: what reads it sets it aside. "": it is JSON.
  /// The key that the body names for an integration that fetches by key; one
  /// without an entry runs as a whole.
  std::map<std::string, EventKey> keys;
};

/// Stands in the event store's file: messages and the events that they are become
/// durable at once. Thread-safe.
class Inbox final : public inbox::Messages {
 public:
  /// Forgets what nobody reads any more. Borrows everything.
  static Result<std::unique_ptr<Inbox>> Open(EventStore& events, const estate::Estate& estate,
                                             const Clock& clock);

  struct Receipt {
    std::int64_t seq = 0;  // The message's number; of a duplicate, that of the first one.
    bool is_new = true;
  };
  /// Returns when all the messages are durable, in one commit with those that came
  /// meanwhile; a receipt for each. A message whose id was taken within the last seven
  /// days, or waits, is a duplicate. Errors: kTransient when too much waits or the disk
  /// does not take it: then none of them was taken.
  Result<std::vector<Receipt>> Take(std::span<const Arrival> arrivals);

  /// `integration` has everything up to number `seq` where it belongs: what every
  /// reader has is deleted.
  Status Arrived(const estate::Integration& integration, std::int64_t seq);
  /// The number up to which every reader of `feed` has its messages where they belong;
  /// the largest one when nobody reads it. Waits until it is above `seq`, for `at_most`
  /// or until `stop` fires.
  std::int64_t WaitForArrival(const std::string& feed, std::int64_t seq,
                              std::chrono::milliseconds at_most, const std::stop_token& stop);
  /// Messages that wait for `integration`.
  Result<std::uint64_t> Pending(const estate::Integration& integration);
  /// Of all messages that wait.
  std::uint64_t pending_bytes() const;

  Result<Extent> ExtentAfter(const std::string& feed, std::int64_t seq,
                             std::uint64_t limit) override;
  Result<std::vector<inbox::Message>> Page(const std::string& feed, std::int64_t seq,
                                           std::int64_t last) override;
  const std::string& identity() const override { return identity_; }

 private:
  struct Waiting;
  Inbox(EventStore& events, const estate::Estate& estate, const Clock& clock)
      : events_(events), estate_(estate), clock_(clock) {}
  Status Prepare();
  Status DropReaders();
  Result<std::uint64_t> DeleteRead(const std::string& feed);
  Result<std::int64_t> ReadUpTo(const std::string& feed);
  void Commit(const std::vector<Waiting*>& group);
  Status StoreAll(Waiting& waiting, EventStore::Batch& batch, std::uint64_t& bytes);
  Result<Receipt> Store(const Arrival& arrival, std::uint64_t& bytes);
  Status ForgetIds();

  EventStore& events_;
  const estate::Estate& estate_;
  const Clock& clock_;
  std::string identity_;
  mutable std::mutex mutex_;  // Guards what follows.
  std::condition_variable written_;
  std::vector<Waiting*> waiting_;
  bool writing_ = false;  // Somebody commits for all.
  std::uint64_t pending_bytes_ = 0;
  std::condition_variable_any arrived_;
  std::map<std::string, std::int64_t> arrived_up_to_;  // By feed that is read.
  std::chrono::nanoseconds forgot_ids_at_{0};          // Only the one who commits.
};

}  // namespace afluente::orchestrator
