// Days that schedules leave out: dates, named calendars of the estate, holidays of Brazil.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "estate/estate.h"

namespace afluente::estate {

/// "2026-12-24", a day that exists, years 0001 to 9999; nullopt otherwise.
std::optional<std::chrono::local_days> ParseDay(std::string_view text);

/// "2026-12-24"
std::string FormatDay(std::chrono::local_days day);

/// A day, or "2026-07-01..2026-07-31"; kInvalidConfig if it is none or runs backwards.
Result<DayRange> ParseDayRange(std::string_view text);

/// Whether an element of `except` is a name of a calendar rather than a date.
bool IsCalendarName(std::string_view text);

/// Easter Sunday of the Gregorian calendar, for any year from 1583.
/// Source: the "anonymous" algorithm (Nature 13, 1876, p. 487), as J. Meeus,
/// Astronomical Algorithms, chapter 8, gives it.
std::chrono::local_days EasterSunday(std::chrono::year year);

/// The calendars that every estate has: "br-national", the holidays that federal
/// law names, and Good Friday; "br-bank", these and the other days on which banks
/// stay closed: Carnival's Monday and Tuesday, Corpus Christi. States' and cities'
/// holidays differ: an estate lists its own.
/// Source: Lei 662/1949 as Lei 10.607/2002 has it, Lei 6.802/1980 (12 October),
/// Lei 14.759/2023 (20 November, since 2024); br-bank: Resolução CMN 4.880/2020.
const std::vector<std::string>& BuiltInCalendars();

/// The name of the holiday that a built-in calendar has on that day; "" if none.
std::string_view HolidayOn(std::string_view calendar, std::chrono::local_days day);

/// What the `except` of a schedule leaves out. A value; safe to read from any thread.
class ExceptedDays {
 public:
  /// Takes the days over. kNotFound if an element names no calendar of the estate
  /// or built in, kInvalidConfig if it is no date either.
  static Result<ExceptedDays> Make(const std::vector<std::string>& except,
                                   const std::map<std::string, Calendar>& calendars);

  bool empty() const { return ranges_.empty() && built_in_.empty(); }
  bool Contains(std::chrono::local_days day) const;
  /// The first day after `day`, which is left out, that its range does not cover.
  std::chrono::local_days EndOfRange(std::chrono::local_days day) const;
  /// Why the day is left out: "br-national: Natal", "school-holidays", "except"; "" if it is not.
  std::string ReasonFor(std::chrono::local_days day) const;

 private:
  struct NamedRange {
    DayRange days;
    std::string name;
  };
  const DayRange* RangeWith(std::chrono::local_days day) const;

  std::vector<NamedRange> ranges_;
  std::vector<DayRange> merged_;  // The same days in order, without touching each other.
  std::vector<std::string> built_in_;
};

}  // namespace afluente::estate
