// Cron texts, compiled, and the names of time zones. When they fire is the orchestrator's matter.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace afluente::estate {

/// What a cron text admits. Bit n of a set stands for the value n.
struct Cron {
  std::uint64_t minutes = 0;
  std::uint32_t hours = 0;
  std::uint32_t days = 0;                          // Of the month.
  std::uint32_t months = 0;                        // January is 1.
  std::uint32_t weekdays = 0;                      // Sunday is 0.
  bool any_day = false;                            // The field holds a `*` without a step.
  bool any_weekday = false;                        // The same.
  bool last_day = false;                           // `L`
  std::uint32_t last_weekdays = 0;                 // `5L`
  std::array<std::uint32_t, 6> nth_weekdays = {};  // `5#2`, by the number behind the #.
  /// The hour field holds a `*`, with or without a step, or all 24 hours: the
  /// schedule means a rhythm, not times of day.
  bool every_hour = false;

  /// The days of a month that match, bit d for day d, whatever `months` says.
  /// A day matches if both day fields admit it; when neither of them is `*`, one
  /// is enough (POSIX, crontab).
  std::uint32_t DaysOf(std::chrono::year_month month) const;
};

/// Compiles a cron text; kInvalidConfig with what is wrong with it.
///
/// Five fields: minute, hour, day of month, month, day of week (0 and 7 are
/// Sunday). Each is a list of `*`, `a`, `a-b`, `*/n`, `a-b/n`; months and days
/// have English three-letter names. `L` as a day of month is the last day;
/// `5L` and `5#2` as a day of week are the last and the second Friday of the
/// month. Or one of @yearly @annually @monthly @weekly @daily @midnight @hourly.
/// A schedule that can never fire (30 February) is wrong too.
Result<Cron> ParseCron(std::string_view cron);

/// What is wrong with a cron text, naming the field; "" when nothing is.
std::string CronProblem(std::string_view cron);

/// What is wrong with the name of an IANA time zone, with the nearest known
/// name; "" when nothing is. Asks the machine's time zone database; on a machine
/// without one only the form of the name is checked.
std::string ZoneProblem(const std::string& zone);

}  // namespace afluente::estate
