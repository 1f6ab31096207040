// The kinds of values that tell time.
#include <algorithm>
#include <string>

#include "estate/ascii.h"
#include "estate/calendar.h"
#include "estate/cron.h"
#include "estate/quantities.h"
#include "estate/scalars.h"
#include "estate/utf8.h"

namespace afluente::estate {
namespace {

std::string DurationProblem(const std::string& text) {
  if (ParseDuration(text)) return "";
  if (!text.empty() && std::all_of(text.begin(), text.end(), IsDigit)) {
    return "the unit is missing: " + text.substr(0, 12) + "s, " + text.substr(0, 12) + "m?";
  }
  return "a whole number and one of ms, s, m, h, d, at most ten years";
}

std::string ClockTimeProblem(const std::string& text) {
  const bool fits = text.size() == 5 && text[2] == ':' && IsDigit(text[0]) && IsDigit(text[1]) &&
                    IsDigit(text[3]) && IsDigit(text[4]) && text < "24:00" && text[3] <= '5';
  return fits ? "" : "hours 00-23 and minutes 00-59, two digits each";
}

std::string DaysProblem(const std::string& text) {
  const Result<DayRange> days = ParseDayRange(text);
  return days.ok() ? "" : days.error().message();
}

std::string DayProblem(const std::string& text) {
  return ParseDay(text) ? "" : "four digits of the year, two each of month and day that exist";
}

std::string MomentProblem(const std::string& text) {
  return ParseTime(text) ? "" : "its date, T, its time of day, and Z or the offset from UTC";
}

std::string CalendarNameProblem(const std::string& text) {
  if (!IsCalendarName(text)) return "it starts with a small letter";
  if (text.size() > 100) return "it is longer than 100 characters";
  const bool fits = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '-';
  });
  if (!fits) return "small letters, digits and - only";
  const auto& built_in = BuiltInCalendars();
  const bool taken = std::find(built_in.begin(), built_in.end(), text) != built_in.end();
  return taken ? "every estate has a calendar of that name; choose another" : "";
}

std::string ExceptProblem(const std::string& text) {
  return IsCalendarName(text) ? "" : DaysProblem(text);
}

}  // namespace

const ScalarKind kDuration{.name = "duration",
                           .expected = "a duration such as 500ms, 60s, 10m, 2h or 1d",
                           .doc = "A whole number and its unit: `ms`, `s`, `m`, `h` or `d`.",
                           .example = "60s",
                           .pattern = "^[0-9]+(ms|s|m|h|d)$",
                           .problem = &DurationProblem};
const ScalarKind kClockTime{.name = "clock_time",
                            .expected = "a time of day such as \"06:00\"",
                            .doc = "A local time of day, `HH:MM`.",
                            .example = "06:00",
                            .pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$",
                            .problem = &ClockTimeProblem};
const ScalarKind kCron{
    .name = "cron",
    .expected = "a cron of five fields such as \"0 22 * * *\"",
    .doc =
        "Minute, hour, day of month, month, day of week; lists, ranges, steps, names, `L`, "
        "`5L`, `5#2`; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. In quotes.",
    .example = "0 22 * * *",
    .pattern = "^\\s*(@[a-z]+|\\S+(\\s+\\S+){4})\\s*$",
    .problem = [](const std::string& text) { return CronProblem(text); }};
const ScalarKind kZone{.name = "zone",
                       .expected = "an IANA time zone such as America/Sao_Paulo",
                       .doc = "A time zone of the IANA database.",
                       .example = "America/Sao_Paulo",
                       .pattern = "^[A-Za-z][A-Za-z0-9_+/-]*$",
                       .problem = &ZoneProblem};
const ScalarKind kMoment{
    .name = "moment",
    .expected = "a moment such as 2026-01-01T06:00:00-03:00",
    .doc = "A moment as RFC 3339 writes it, with its offset from UTC or `Z`. In quotes.",
    .example = "2026-01-01T06:00:00-03:00",
    .pattern =
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})$",
    .problem = &MomentProblem};
const ScalarKind kDay{.name = "day",
                      .expected = "a day such as 2026-12-24",
                      .doc = "A day, `YYYY-MM-DD`.",
                      .example = "2026-12-24",
                      .pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
                      .problem = &DayProblem};
const ScalarKind kDays{
    .name = "days",
    .expected = "a day such as 2026-12-24, or a range such as 2026-07-01..2026-07-31",
    .doc = "A day, `YYYY-MM-DD`, or a range of days with both ends in it, `FIRST..LAST`.",
    .example = "2026-07-01..2026-07-31",
    .pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([.][.][0-9]{4}-[0-9]{2}-[0-9]{2})?$",
    .problem = &DaysProblem};
const ScalarKind kExcept{
    .name = "except",
    .expected = "a day, a range such as 2026-07-01..2026-07-31, or a calendar's name",
    .doc =
        "A day, a range of days, or the name of a calendar: one of the estate's, `br-national` "
        "(Brazil's national holidays), `br-bank` (with Carnival and Corpus Christi).",
    .example = "br-national",
    .pattern = "^([a-z][a-z0-9-]*|[0-9]{4}-[0-9]{2}-[0-9]{2}([.][.][0-9]{4}-[0-9]{2}-[0-9]{2})?)$",
    .problem = &ExceptProblem};
const ScalarKind kCalendarName{.name = "calendar_name",
                               .expected = "a calendar's name",
                               .doc = "Small letters, digits and `-`, a letter first.",
                               .example = "school-holidays",
                               .pattern = "^[a-z][a-z0-9-]*$",
                               .problem = &CalendarNameProblem};

}  // namespace afluente::estate
