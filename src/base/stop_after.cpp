#include "base/stop_after.h"

namespace afluente {

StopAfter::StopAfter(std::stop_token stop, double seconds)
    : forward_(std::move(stop), [this] { stop_.request_stop(); }), timer_([this, seconds] {
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                              [this] { return done_; })) {
          return;
        }
        expired_ = true;
        stop_.request_stop();
      }) {}

StopAfter::~StopAfter() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  timer_.join();
}

void Rest(const std::stop_token& stop, std::chrono::nanoseconds time) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace afluente
