// Time as a dependency: only base/ reads the system clock, so tests never sleep.
#pragma once

#include <chrono>
#include <string>

namespace afluente {

using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

/// Wall time for records, monotonic time for durations. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime Now() const = 0;
  virtual std::chrono::nanoseconds Monotonic() const = 0;
};

/// The machine's clocks. Lives as long as the process.
const Clock& SystemClock();

/// Blocks the calling thread: for retries against something that has no event to wait for.
void Pause(std::chrono::nanoseconds duration);

/// RFC 3339 in UTC with microseconds: "2026-11-23T10:00:00.000000+00:00".
std::string FormatRfc3339(WallTime time);

}  // namespace afluente
