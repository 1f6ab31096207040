#include "orchestrator/schedule/interval_fires.h"

#include <algorithm>

namespace afluente::schedule {
namespace {

using std::chrono::days;
using std::chrono::local_days;
using std::chrono::microseconds;
using namespace std::chrono_literals;

// Nobody leaves out more days in a row.
constexpr days kHorizon(146'097);

}  // namespace

// The first fire at or after `time`.
WallTime IntervalFires::FirstFrom(WallTime time) const {
  const microseconds passed = (time - anchor_) % every_;
  if (passed == 0us) return time;
  return passed > 0us ? time - passed + every_ : time - passed;
}

local_days IntervalFires::DayOf(WallTime time) const {
  return std::chrono::floor<days>(zone_.ToLocal(time));
}

std::optional<Moment> IntervalFires::Next(WallTime after) const {
  if (after >= kLatest) return std::nullopt;
  const WallTime start = std::max(after + 1us, kEarliest);
  WallTime time = FirstFrom(std::max(start, zone_.FirstAt(limits_.first)));
  const WallTime horizon = std::min(time + kHorizon, kLatest);
  LeftOut left_out;
  while (time < horizon) {
    const local_days day = DayOf(time);
    if (day > limits_.last) return std::nullopt;
    if (!excepted_.Contains(day)) return Moment{time, Tell(left_out, excepted_)};
    const local_days next = excepted_.EndOfRange(day);
    left_out.Add(day, next - days(1));
    // Where clocks go back over midnight, the next day's first moment may be a past one.
    time = std::max(time + every_, FirstFrom(zone_.FirstAt(next)));
  }
  return std::nullopt;
}

std::optional<WallTime> IntervalFires::Previous(WallTime before) const {
  WallTime time = FirstFrom(std::min(before, kLatest)) - every_;
  const WallTime horizon = std::max(time - kHorizon, kEarliest);
  while (time > horizon) {
    const local_days day = DayOf(time);
    if (day > limits_.last) {
      time = std::min(time, FirstFrom(zone_.FirstAt(limits_.last + days(1)))) - every_;
    } else if (!excepted_.Contains(day)) {
      return time;
    } else {
      time = std::min(time, FirstFrom(zone_.FirstAt(day))) - every_;
    }
  }
  return std::nullopt;
}

}  // namespace afluente::schedule
