// A time zone of the machine's IANA database: the only user of Howard Hinnant's tz library.
#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace date {  // NOLINT(readability-identifier-naming): the library's.
class time_zone;  // NOLINT(readability-identifier-naming)
}

namespace afluente::schedule {

/// Beyond these there is no zone and no calendar.
inline constexpr WallTime kEarliest{std::chrono::sys_days(std::chrono::year(1) / 1 / 2)};
inline constexpr WallTime kLatest{std::chrono::sys_days(std::chrono::year(9999) / 12 / 30)};

/// What clocks on a wall show.
using LocalTime = std::chrono::local_time<std::chrono::microseconds>;

/// A value, safe to use from any thread. The database is read once a process.
/// It ends with 2037: what is beyond gets the offset of that year's end, because the
/// library does not read the rule at the end of a zone's file (TZif, RFC 8536).
class Zone {
 public:
  /// kInvalidConfig if the database has no such zone, kNotFound if there is no database.
  static Result<Zone> Find(const std::string& name);

  /// A stretch of time with one offset: local time = UTC + offset in [begin, end).
  struct Period {
    WallTime begin;
    WallTime end;
    std::chrono::seconds offset;
  };

  /// The period that holds `time`. Two neighbours may have the same offset.
  Period At(WallTime time) const;
  LocalTime ToLocal(WallTime time) const;
  /// The first moment at which clocks show `local` or, where they leave it out, more.
  WallTime FirstAt(LocalTime local) const;

  const std::string& name() const { return name_; }

 private:
  Zone(std::string name, const date::time_zone* zone) : name_(std::move(name)), zone_(zone) {}

  std::string name_;
  const date::time_zone* zone_;  // Of the library's database, which lives as long as the process.
};

}  // namespace afluente::schedule
