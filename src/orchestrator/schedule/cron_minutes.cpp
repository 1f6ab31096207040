#include "orchestrator/schedule/cron_minutes.h"

#include <bit>
#include <cstdint>

namespace afluente::schedule {
namespace {

using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::minutes;
using std::chrono::year_month;
using std::chrono::year_month_day;

// Sets as estate::Cron has them, all in 64 bits.
using Set = std::uint64_t;

constexpr Set Bit(unsigned value) { return Set{1} << value; }
constexpr Set From(unsigned value) { return value > 63 ? 0 : ~Set{0} << value; }
constexpr Set UpTo(unsigned value) { return value >= 63 ? ~Set{0} : Bit(value + 1) - 1; }
unsigned Lowest(Set set) { return static_cast<unsigned>(std::countr_zero(set)); }
unsigned Highest(Set set) { return 63 - static_cast<unsigned>(std::countl_zero(set)); }

unsigned Number(std::chrono::month month) { return static_cast<unsigned>(month); }
unsigned Number(std::chrono::day day) { return static_cast<unsigned>(day); }

minutes TimeOf(unsigned hour, unsigned minute) { return hours(hour) + minutes(minute); }

// The first time of day at or after `time`.
std::optional<minutes> NextTime(const estate::Cron& cron, minutes time) {
  const auto hour = static_cast<unsigned>(time / hours(1));
  const auto minute = static_cast<unsigned>(time % hours(1) / minutes(1));
  const Set rest = cron.minutes & From(minute);
  if ((cron.hours & Bit(hour)) != 0 && rest != 0) return TimeOf(hour, Lowest(rest));
  const Set later = cron.hours & From(hour + 1);
  if (later == 0) return std::nullopt;
  return TimeOf(Lowest(later), Lowest(cron.minutes));
}

// The last time of day at or before `time`.
std::optional<minutes> PreviousTime(const estate::Cron& cron, minutes time) {
  const auto hour = static_cast<unsigned>(time / hours(1));
  const auto minute = static_cast<unsigned>(time % hours(1) / minutes(1));
  const Set rest = cron.minutes & UpTo(minute);
  if ((cron.hours & Bit(hour)) != 0 && rest != 0) return TimeOf(hour, Highest(rest));
  const Set earlier = hour == 0 ? 0 : cron.hours & UpTo(hour - 1);
  if (earlier == 0) return std::nullopt;
  return TimeOf(Highest(earlier), Highest(cron.minutes));
}

Set DaysOf(const estate::Cron& cron, year_month month) {
  return (cron.months & Bit(Number(month.month()))) == 0 ? 0 : cron.DaysOf(month);
}

local_days DayOf(year_month month, unsigned day) {
  return local_days(month / std::chrono::day(day));
}

}  // namespace

std::optional<LocalMinutes> NextMinute(const estate::Cron& cron,
                                       const estate::ExceptedDays& excepted, LocalMinutes from,
                                       LocalMinutes until, LeftOut& left_out) {
  if (from >= until) return std::nullopt;
  const local_days first_day = floor<std::chrono::days>(from);
  const year_month_day start(first_day);
  const year_month_day end(floor<std::chrono::days>(until));
  const year_month last_month = end.year() / end.month();
  year_month month = start.year() / start.month();
  Set days = DaysOf(cron, month) & From(Number(start.day()));
  while (true) {
    for (; days != 0; days &= days - 1) {
      const local_days day = DayOf(month, Lowest(days));
      const auto time = NextTime(cron, day == first_day ? from - first_day : minutes(0));
      if (!time) continue;
      const LocalMinutes found = day + *time;
      if (found >= until) return std::nullopt;
      if (!excepted.Contains(day)) return found;
      left_out.Add(day, day);
    }
    if (month >= last_month) return std::nullopt;
    month += std::chrono::months(1);
    days = DaysOf(cron, month);
  }
}

std::optional<LocalMinutes> PreviousMinute(const estate::Cron& cron,
                                           const estate::ExceptedDays& excepted, LocalMinutes from,
                                           LocalMinutes until) {
  if (from >= until) return std::nullopt;
  const LocalMinutes last = until - minutes(1);
  const local_days last_day = floor<std::chrono::days>(last);
  const year_month_day start(last_day);
  const year_month_day end(floor<std::chrono::days>(from));
  const year_month first_month = end.year() / end.month();
  constexpr minutes kEndOfDay = hours(24) - minutes(1);
  year_month month = start.year() / start.month();
  Set days = DaysOf(cron, month) & UpTo(Number(start.day()));
  while (true) {
    while (days != 0) {
      const unsigned number = Highest(days);
      days &= ~Bit(number);
      const local_days day = DayOf(month, number);
      const auto time = PreviousTime(cron, day == last_day ? last - last_day : kEndOfDay);
      if (!time) continue;
      const LocalMinutes found = day + *time;
      if (found < from) return std::nullopt;
      if (!excepted.Contains(day)) return found;
    }
    if (month <= first_month) return std::nullopt;
    month -= std::chrono::months(1);
    days = DaysOf(cron, month);
  }
}

}  // namespace afluente::schedule
