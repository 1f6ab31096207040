// Threads for work that takes long: as many as are busy at a time, kept for the next.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace afluente::orchestrator {

/// Thread-safe. The caller bounds how much is posted at a time.
class Workers {
 public:
  Workers() = default;
  /// Waits for all that was posted.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Runs `work`, which must not throw, on some thread, at once.
  void Post(std::function<void()> work);

 private:
  void Work(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any posted_;
  std::deque<std::function<void()>> queue_;
  std::size_t idle_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace afluente::orchestrator
