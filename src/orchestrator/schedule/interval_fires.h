// A fixed time between two fires, whatever clocks on a wall show.
#pragma once

#include <chrono>
#include <optional>

#include "estate/calendar.h"
#include "orchestrator/schedule/cron_fires.h"
#include "orchestrator/schedule/zone.h"

namespace afluente::schedule {

/// Fires at anchor + n * every for all whole n, so that they are the same after a
/// restart. The zone serves the days that are left out. A value, safe to use from any thread.
class IntervalFires {
 public:
  /// `every` is above 0.
  IntervalFires(std::chrono::milliseconds every, WallTime anchor, Zone zone,
                estate::ExceptedDays excepted, DayLimits limits)
      : every_(every),
        anchor_(anchor),
        zone_(std::move(zone)),
        excepted_(std::move(excepted)),
        limits_(limits) {}

  /// As CronFires has them.
  std::optional<Moment> Next(WallTime after) const;
  std::optional<WallTime> Previous(WallTime before) const;

  const Zone& zone() const { return zone_; }

 private:
  WallTime FirstFrom(WallTime time) const;
  std::chrono::local_days DayOf(WallTime time) const;

  std::chrono::microseconds every_;
  WallTime anchor_;
  Zone zone_;
  estate::ExceptedDays excepted_;
  DayLimits limits_;
};

}  // namespace afluente::schedule
