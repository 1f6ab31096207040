#include "orchestrator/schedule/zone.h"

#include <date/tz.h>

#include <exception>

#include "estate/cron.h"

namespace afluente::schedule {
namespace {

using std::chrono::seconds;

date::sys_seconds ToLibrary(WallTime time) {
  return date::sys_seconds(std::chrono::floor<seconds>(time.time_since_epoch()));
}

}  // namespace

Result<Zone> Zone::Find(const std::string& name) {
  try {
    return Zone(name, date::locate_zone(name));
  } catch (const std::exception& error) {
    // The library's answer to a wrong name has no cure in it.
    if (const std::string problem = estate::ZoneProblem(name); !problem.empty()) {
      return Error(ErrorKind::kInvalidConfig, "zone \"" + name + "\": " + problem);
    }
    return Error(ErrorKind::kNotFound, "zone \"" + name + "\": " + error.what() +
                                           ": install the time zone database (tzdata)");
  }
}

Zone::Period Zone::At(WallTime time) const {
  const date::sys_info info = zone_->get_info(ToLibrary(time));
  return {.begin = WallTime(info.begin.time_since_epoch()),
          .end = WallTime(info.end.time_since_epoch()),
          .offset = info.offset};
}

LocalTime Zone::ToLocal(WallTime time) const {
  return LocalTime(time.time_since_epoch() + At(time).offset);
}

WallTime Zone::FirstAt(LocalTime local) const {
  const seconds whole = std::chrono::floor<seconds>(local.time_since_epoch());
  const date::local_info info = zone_->get_info(date::local_seconds(whole));
  if (info.result == date::local_info::nonexistent) {
    return WallTime(info.second.begin.time_since_epoch());
  }
  return WallTime(local.time_since_epoch() - info.first.offset);
}

}  // namespace afluente::schedule
