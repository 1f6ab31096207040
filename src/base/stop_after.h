// Stops and time: a stop with a time limit, a rest that a stop ends.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace afluente {

/// A stop that fires with `stop`, or after `seconds`.
class StopAfter {
 public:
  StopAfter(std::stop_token stop, double seconds);
  ~StopAfter();
  StopAfter(const StopAfter&) = delete;
  StopAfter& operator=(const StopAfter&) = delete;

  std::stop_token token() const { return stop_.get_token(); }
  /// Whether the time was what ended it.
  bool expired() const { return expired_; }

 private:
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> forward_;
  std::atomic<bool> expired_{false};
  std::mutex mutex_;  // Guards done_.
  std::condition_variable changed_;
  bool done_ = false;
  std::thread timer_;
};

/// Blocks for `time`, or until `stop` fires.
void Rest(const std::stop_token& stop, std::chrono::nanoseconds time);

}  // namespace afluente
