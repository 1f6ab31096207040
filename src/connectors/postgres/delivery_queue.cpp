#include "connectors/postgres/delivery_queue.h"

#include <utility>

namespace afluente::postgres {

DeliveryQueue::~DeliveryQueue() {
  for (Started& started : started_) {
    started.work.wait();
    started.delivery->Rollback();
  }
}

void DeliveryQueue::Start(Started& started) {
  started.work = std::async(std::launch::async,
                            [this, &started] { started.delivery->Start(started.chunk, step_); });
}

Status DeliveryQueue::Push(CopyChunk chunk) {
  if (free_.empty()) AFL_TRY(CommitOldest());
  started_.push_back({free_.back(), std::move(chunk), !started_.empty(), {}});
  free_.pop_back();
  if (started_.size() > 1) started_.front().beside = true;
  Start(started_.back());
  return Done{};
}

Status DeliveryQueue::Drain() {
  while (!started_.empty()) AFL_TRY(CommitOldest());
  return Done{};
}

Status DeliveryQueue::CommitOldest() {
  Started& oldest = started_.front();
  oldest.work.wait();
  const std::int64_t through = oldest.chunk.numbers.back();
  auto delivered = oldest.delivery->Finish(oldest.chunk, step_, key_of_, {run_, through, {}});
  if (!delivered.ok() && delivered.error().kind() == ErrorKind::kTransient && oldest.beside) {
    delivered = Alone(oldest);
  }
  if (!delivered.ok()) return delivered.error();
  free_.push_back(oldest.delivery);
  started_.pop_front();
  return on_committed_(delivered.value(), through);
}

// The chunks behind it may hold what it waits for.
Result<Delivered> DeliveryQueue::Alone(Started& oldest) {
  for (std::size_t i = 1; i < started_.size(); ++i) {
    started_[i].work.wait();
    started_[i].delivery->Rollback();
  }
  auto delivered =
      oldest.delivery->Send(oldest.chunk, step_, key_of_, {run_, oldest.chunk.numbers.back(), {}});
  for (std::size_t i = 1; i < started_.size(); ++i) Start(started_[i]);
  return delivered;
}

}  // namespace afluente::postgres
