// Pub/Sub as the program uses it; what speaks gRPC implements it (src/grpc/).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"

namespace afluente::pubsub {

struct Message {
  std::string id;    // The server's; the same when the message is delivered again.
  std::string data;  // Bytes.
  std::map<std::string, std::string> attributes;
  std::string ordering_key;
  std::string published_at;  // RFC 3339 in UTC; "" of one that is being published.
};

struct Delivery {
  Message message;
  std::string ack_id;
};

struct PullOptions {
  std::string subscription;  // "projects/P/subscriptions/S".
  std::string topic;         // "projects/P/topics/T": what a missing subscription is made for.
  /// What is delivered and not yet acknowledged, at most; the server keeps to it.
  std::int64_t messages_max = 0;
  std::int64_t bytes_max = 0;
  /// Without an extension a message is delivered again after that, 10 to 600 s.
  std::chrono::seconds ack_deadline{0};
};

/// One StreamingPull, opened anew when it breaks. Next on one thread; the others from any.
/// Errors: kUnauthorized, kNotFound, kInvalidConfig with the cure; kTransient for what
/// may go well next time; kCancelled when `stop` fires.
class Subscription {
 public:
  virtual ~Subscription() = default;

  /// Makes the subscription if there is none, with message ordering, that never expires.
  virtual Status Ensure(const std::stop_token& stop) = 0;
  /// Blocks until something is delivered. After an error the next call opens a new stream.
  virtual Result<std::vector<Delivery>> Next(const std::stop_token& stop) = 0;
  /// They are not delivered again, unless one of them was too late.
  virtual Status Acknowledge(const std::vector<std::string>& ack_ids,
                             const std::stop_token& stop) = 0;
  /// Their deadline begins anew.
  virtual Status Extend(const std::vector<std::string>& ack_ids, const std::stop_token& stop) = 0;
};

/// Takes what others publish. Thread-safe.
class PublishHandler {
 public:
  virtual ~PublishHandler() = default;

  /// Returns the messages' ids, in order, once they are durable. `topic`: "projects/P/topics/T".
  /// Errors: kNotFound for a topic that nobody reads, kInvalidConfig for a message that
  /// cannot be taken, kTransient for another time: none of them was taken.
  virtual Result<std::vector<std::string>> Publish(const std::string& topic,
                                                   std::vector<Message> messages) = 0;
  /// All of them, by their whole names.
  virtual std::vector<std::string> Topics() const = 0;
};

/// Answers publishers until destroyed; what was begun is answered first.
class PublishServer {
 public:
  virtual ~PublishServer() = default;
  /// "127.0.0.1:8085".
  virtual const std::string& address() const = 0;
};

/// Limits of one request to publish. Source: Pub/Sub, "Quotas and limits", resource limits.
inline constexpr std::size_t kPublishMessagesMax = 1'000;
inline constexpr std::size_t kPublishBytesMax = 10'000'000;

}  // namespace afluente::pubsub
