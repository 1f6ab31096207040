// The syntax of schedules: cron texts and time zones. When they fire is the orchestrator's matter.
#pragma once

#include <string>
#include <string_view>

namespace afluente::estate {

/// What is wrong with a cron text, naming the field; "" when nothing is.
///
/// Five fields: minute, hour, day of month, month, day of week (0 and 7 are
/// Sunday). Each is a list of `*`, `a`, `a-b`, `*/n`, `a-b/n`; months and days
/// have English three-letter names. `L` as a day of month is the last day;
/// `5L` and `5#2` as a day of week are the last and the second Friday of the
/// month. Or one of @yearly @annually @monthly @weekly @daily @midnight @hourly.
/// A schedule that can never fire (30 February) is wrong too.
std::string CronProblem(std::string_view cron);

/// What is wrong with the name of an IANA time zone, with the nearest known
/// name; "" when nothing is. Asks the machine's time zone database; on a machine
/// without one only the form of the name is checked.
std::string ZoneProblem(const std::string& zone);

}  // namespace afluente::estate
