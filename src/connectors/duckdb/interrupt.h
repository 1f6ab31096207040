// Stopping a DuckDB statement.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "data/duckdb_api.h"

namespace afluente::duck {

/// While it lives, interrupts whatever `connection` runs once `stop` fires, and
/// again until it is destroyed: DuckDB forgets an interrupt that arrives
/// before its statement has begun. Must be destroyed before the connection.
class InterruptOnStop {
 public:
  InterruptOnStop(duckdb_connection connection, std::stop_token stop);
  ~InterruptOnStop();
  InterruptOnStop(const InterruptOnStop&) = delete;
  InterruptOnStop& operator=(const InterruptOnStop&) = delete;

 private:
  void Watch(duckdb_connection connection, const std::stop_token& stop);

  std::mutex mutex_;  // Guards done_.
  std::condition_variable_any changed_;
  bool done_ = false;
  std::thread watcher_;
};

}  // namespace afluente::duck
