// A cron text on the clocks of a zone: when it fires, also on the days on which clocks change.
#pragma once

#include <optional>
#include <string>

#include "estate/calendar.h"
#include "estate/cron.h"
#include "estate/estate.h"
#include "orchestrator/schedule/cron_minutes.h"
#include "orchestrator/schedule/zone.h"

namespace afluente::schedule {

/// A moment, and what is worth telling about how it came to be; "" if it is a plain one.
struct Moment {
  WallTime time;
  std::string note;
};

/// "2026-12-25 left out (br-national: Natal)"; "" if nothing is.
std::string Tell(const LeftOut& left_out, const estate::ExceptedDays& excepted);

/// The days on which a schedule may fire, in its zone, both included.
struct DayLimits {
  std::chrono::local_days first{std::chrono::year(1) / 1 / 1};
  std::chrono::local_days last{std::chrono::year(9999) / 12 / 31};
};

/// A value, safe to use from any thread.
///
/// Goes through the periods of the zone in which the offset is the same, and in
/// each through the minutes that match (cron_minutes.h). A time that clocks leave
/// out when they go forward fires at the end of the gap (Gap::kShift) or not at all
/// (kSkip); one that they show twice fires the first time, the second, or both.
/// Times that fall on one moment are one fire.
class CronFires {
 public:
  CronFires(const estate::Cron& cron, Zone zone, estate::ExceptedDays excepted, DayLimits limits,
            estate::Gap gap, estate::Overlap overlap)
      : cron_(cron),
        zone_(std::move(zone)),
        excepted_(std::move(excepted)),
        limits_(limits),
        gap_(gap),
        overlap_(overlap) {}

  /// The first fire after `after`; nullopt if there is none within 400 years, which is
  /// when the calendar repeats.
  std::optional<Moment> Next(WallTime after) const;
  /// The last one before `before`, as if there was no first day.
  std::optional<WallTime> Previous(WallTime before) const;

  const Zone& zone() const { return zone_; }

 private:
  // A period with the offsets before and after it.
  struct Surrounded {
    std::chrono::seconds earlier;
    Zone::Period period;
    std::chrono::seconds later;
  };
  struct Window {
    LocalMinutes from;
    LocalMinutes until;
  };

  Surrounded Around(WallTime time) const;
  // What may fire in the whole of a period.
  Window WindowOf(const Surrounded& around) const;
  // The first time that clocks leave out at the period's begin.
  std::optional<LocalMinutes> InGap(const Surrounded& around, const Window& days,
                                    LeftOut& left_out) const;
  // What to tell of a time that clocks show twice.
  std::string TellOverlap(const Surrounded& around, LocalMinutes local) const;

  estate::Cron cron_;
  Zone zone_;
  estate::ExceptedDays excepted_;
  DayLimits limits_;
  estate::Gap gap_;
  estate::Overlap overlap_;
};

}  // namespace afluente::schedule
