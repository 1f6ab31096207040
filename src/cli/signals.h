// Ctrl-C and SIGTERM as a stop token.
#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

namespace afluente::cli {

/// While it lives, the first SIGINT or SIGTERM requests a stop and the second
/// ends the process at once with exit code 130. Make it before any other
/// thread: they inherit the blocked signals.
class StopOnSignal {
 public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  std::stop_token token() const { return stop_.get_token(); }
  /// Blocks until the stop is requested.
  void Wait() const { stopped_.wait(false); }

 private:
  void Watch();

  std::stop_source stop_;
  std::atomic<bool> stopped_{false};
  std::jthread waiter_;
};

}  // namespace afluente::cli
