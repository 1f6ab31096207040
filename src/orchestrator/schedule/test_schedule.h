// Schedules and their fires as tests write them.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "estate/quantities.h"
#include "orchestrator/schedule/schedule.h"

namespace afluente::schedule {

inline WallTime Moment3339(const std::string& text) {
  const auto time = estate::ParseTime(text);
  if (!time) throw std::invalid_argument("no moment: " + text);
  return *time;
}

inline std::chrono::local_days Day(const std::string& text) {
  const auto day = estate::ParseDay(text);
  if (!day) throw std::invalid_argument("no day: " + text);
  return *day;
}

inline estate::ScheduleSpec CronSpec(const std::string& cron, const std::string& zone = "UTC") {
  estate::ScheduleSpec spec;
  spec.cron = cron;
  spec.zone = zone;
  return spec;
}

inline estate::ScheduleSpec EverySpec(std::chrono::milliseconds every,
                                      const std::string& anchor = "1970-01-01T00:00:00Z") {
  estate::ScheduleSpec spec;
  spec.every = every;
  spec.anchor = Moment3339(anchor);
  spec.zone = "UTC";
  return spec;
}

inline Schedule MakeSchedule(const std::vector<estate::ScheduleSpec>& specs,
                             const estate::Estate& estate = {}) {
  Result<Schedule> schedule = Schedule::Make("job", specs, estate);
  if (!schedule.ok()) throw std::invalid_argument(schedule.error().message());
  return std::move(schedule).value();
}

/// The next `count` fires; what is due at `from` belongs to them.
inline std::vector<Fire> Fires(const Schedule& schedule, const std::string& from,
                               std::size_t count) {
  std::vector<Fire> fires;
  WallTime after = Moment3339(from) - std::chrono::microseconds(1);
  while (fires.size() < count) {
    std::optional<Fire> fire = schedule.Next(after);
    if (!fire) break;
    after = fire->nominal;
    fires.push_back(std::move(*fire));
  }
  return fires;
}

/// The same as local texts.
inline std::vector<std::string> Times(const Schedule& schedule, const std::string& from,
                                      std::size_t count) {
  std::vector<std::string> texts;
  for (const Fire& fire : Fires(schedule, from, count)) texts.push_back(fire.LocalText());
  return texts;
}

}  // namespace afluente::schedule
