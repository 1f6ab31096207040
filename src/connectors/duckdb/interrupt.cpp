#include "connectors/duckdb/interrupt.h"

#include <chrono>

namespace afluente::duck {

InterruptOnStop::InterruptOnStop(duckdb_connection connection, std::stop_token stop)
    : watcher_([this, connection, stop = std::move(stop)] { Watch(connection, stop); }) {}

InterruptOnStop::~InterruptOnStop() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  watcher_.join();
}

void InterruptOnStop::Watch(duckdb_connection connection, const std::stop_token& stop) {
  constexpr auto kAgain = std::chrono::milliseconds(20);
  std::unique_lock lock(mutex_);
  const auto done = [this] { return done_; };
  changed_.wait(lock, stop, done);
  while (!done_) {
    duckdb_interrupt(connection);
    changed_.wait_for(lock, kAgain, done);
  }
}

}  // namespace afluente::duck
