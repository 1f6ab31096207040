// Several chunks of one table on their way at a time; they commit in their order.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/copy_chunk.h"
#include "connectors/postgres/delivery.h"

namespace afluente::postgres {

/// The server works on a chunk in each of its connections, which is more than
/// one core of it. A chunk commits after those before it, so that the position
/// beside it is true. Rows of two chunks may wait for each other (a unique value
/// that moves from one to the other): then they go one after the other. One
/// thread uses it.
class DeliveryQueue {
 public:
  /// What a chunk that was committed did; `through` is its last row's number.
  using OnCommitted = std::function<Status(const Delivered& delivered, std::int64_t through)>;

  /// `deliveries`: opened, each with a connection of its own; borrowed. `run`: of
  /// the positions.
  DeliveryQueue(std::vector<Delivery*> deliveries, DeliveryStep step, Delivery::KeyOf key_of,
                std::string run, OnCommitted on_committed)
      : free_(std::move(deliveries)),
        step_(std::move(step)),
        key_of_(std::move(key_of)),
        run_(std::move(run)),
        on_committed_(std::move(on_committed)) {}
  /// What was not committed is rolled back.
  ~DeliveryQueue();
  DeliveryQueue(const DeliveryQueue&) = delete;
  DeliveryQueue& operator=(const DeliveryQueue&) = delete;

  /// Begins with `chunk`, which has rows; commits the oldest one first when every
  /// connection has one. Errors: of Delivery::Send and of on_committed, for any
  /// chunk before it.
  Status Push(CopyChunk chunk);
  /// Commits all that was pushed.
  Status Drain();

 private:
  struct Started {
    Delivery* delivery = nullptr;
    CopyChunk chunk;
    bool beside = false;  // Another chunk was on its way meanwhile.
    std::future<void> work;
  };

  void Start(Started& started);
  Status CommitOldest();
  Result<Delivered> Alone(Started& oldest);

  std::vector<Delivery*> free_;
  std::deque<Started> started_;  // Oldest first.
  const DeliveryStep step_;
  const Delivery::KeyOf key_of_;
  const std::string run_;
  const OnCommitted on_committed_;
};

}  // namespace afluente::postgres
