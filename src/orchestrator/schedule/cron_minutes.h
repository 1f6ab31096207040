// The minutes of the civil calendar that a cron text matches, without any zone.
#pragma once

#include <chrono>
#include <optional>

#include "estate/calendar.h"
#include "estate/cron.h"

namespace afluente::schedule {

using LocalMinutes = std::chrono::local_time<std::chrono::minutes>;

/// Days that matched and were left out on the way to a minute.
struct LeftOut {
  int days = 0;
  std::chrono::local_days first;
  std::chrono::local_days last;

  /// Counts the days from `from` to `to`; one that was the last before is not counted again.
  void Add(std::chrono::local_days from, std::chrono::local_days to) {
    if (days == 0) first = from;
    if (days > 0 && from <= last) from = last + std::chrono::days(1);
    if (to < from) return;
    days += static_cast<int>((to - from).count()) + 1;
    last = to;
  }
};

/// The first minute in [from, until) that `cron` matches on a day that is not in
/// `excepted`; nullopt if there is none. Adds to `left_out` the days between.
/// Goes from month to month with sets of days, so that a year costs below a microsecond
/// and 400 years, after which the calendar repeats, some dozens of them.
std::optional<LocalMinutes> NextMinute(const estate::Cron& cron,
                                       const estate::ExceptedDays& excepted, LocalMinutes from,
                                       LocalMinutes until, LeftOut& left_out);

/// The last one in [from, until).
std::optional<LocalMinutes> PreviousMinute(const estate::Cron& cron,
                                           const estate::ExceptedDays& excepted, LocalMinutes from,
                                           LocalMinutes until);

}  // namespace afluente::schedule
