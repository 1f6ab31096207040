// What waits in the inbox, as a source reads it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace afluente::inbox {

/// Messages of one feed have growing numbers, in the order in which they arrived.
struct Message {
  std::int64_t seq = 0;
  std::string id;  // The sender's; unique in its feed.
  WallTime received_at{};
  std::string attributes;  // A JSON object.
  std::string body;        // JSON, or any text with a fault.
  std::string fault;       // Why it is none; "": it is JSON.
};

/// The messages that wait. A feed is one webhook or one topic. Thread-safe.
class Messages {
 public:
  virtual ~Messages() = default;

  struct Extent {
    std::int64_t last = 0;  // The number of the last one; 0: there is none.
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
  };
  /// The oldest messages of `feed` behind number `seq`, `limit` of them at most.
  virtual Result<Extent> ExtentAfter(const std::string& feed, std::int64_t seq,
                                     std::uint64_t limit) = 0;
  /// The messages with numbers in (seq, last], in order: as many as fit into a few
  /// megabytes, but at least one if there is one.
  virtual Result<std::vector<Message>> Page(const std::string& feed, std::int64_t seq,
                                            std::int64_t last) = 0;
  /// Another one means that numbers began anew.
  virtual const std::string& identity() const = 0;
};

/// The feed's name: "webhook /hooks/flows", "topic message-events".
inline std::string FeedOf(bool is_topic, const std::string& name) {
  return (is_topic ? "topic " : "webhook ") + name;
}

}  // namespace afluente::inbox
