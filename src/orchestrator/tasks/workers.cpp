#include "orchestrator/tasks/workers.h"

namespace afluente::orchestrator {

Workers::~Workers() {
  std::vector<std::jthread> threads;
  {
    const std::scoped_lock lock(mutex_);
    threads.swap(threads_);
  }
  for (std::jthread& thread : threads) thread.request_stop();
}

void Workers::Post(std::function<void()> work) {
  const std::scoped_lock lock(mutex_);
  queue_.push_back(std::move(work));
  if (idle_ >= queue_.size()) {
    posted_.notify_one();
  } else {
    threads_.emplace_back([this](const std::stop_token& stop) { Work(stop); });
  }
}

void Workers::Work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    const bool has_work = posted_.wait(lock, stop, [this] { return !queue_.empty(); });
    --idle_;
    if (!has_work) return;
    const std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

}  // namespace afluente::orchestrator
