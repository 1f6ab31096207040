#include "orchestrator/schedule/schedule.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "estate/calendar.h"
#include "estate/cron.h"
#include "estate/quantities.h"

namespace afluente::schedule {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using namespace std::chrono_literals;

const Zone& ZoneOf(const std::variant<CronFires, IntervalFires>& fires) {
  return std::visit([](const auto& kind) -> const Zone& { return kind.zone(); }, fires);
}

// "2018-11-04T01:00:00", with milliseconds where they are not 0.
std::string ClockText(std::chrono::microseconds since_epoch) {
  const auto whole = std::chrono::floor<seconds>(since_epoch);
  const auto rest = std::chrono::duration_cast<milliseconds>(since_epoch - whole);
  const std::time_t time = whole.count();
  const std::string text = fmt::format("{:%Y-%m-%dT%H:%M:%S}", fmt::gmtime(time));
  return rest == 0ms ? text : fmt::format("{}.{:03}", text, rest.count());
}

}  // namespace

std::string Fire::LocalText() const {
  const seconds size = offset < 0s ? -offset : offset;
  return fmt::format("{}{}{:02}:{:02}", ClockText(at.time_since_epoch() + offset),
                     offset < 0s ? '-' : '+', size / 1h, size % 1h / 1min);
}

milliseconds JitterOf(const std::string& job, WallTime nominal, milliseconds jitter) {
  if (jitter <= 0ms) return 0ms;
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto add = [&](unsigned char byte) {
    hash ^= byte;
    hash *= 0x100000001b3ULL;
  };
  for (const char c : job) add(static_cast<unsigned char>(c));
  auto left = static_cast<std::uint64_t>(nominal.time_since_epoch().count());
  for (int i = 0; i < 8; ++i, left >>= 8U) add(static_cast<unsigned char>(left & 0xffU));
  // FNV leaves the upper bits of its last bytes poor.
  hash = (hash ^ (hash >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ (hash >> 27U)) * 0x94d049bb133111ebULL;
  hash ^= hash >> 31U;
  return milliseconds(static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(jitter.count())));
}

Result<Schedule> Schedule::Make(const std::string& job,
                                const std::vector<estate::ScheduleSpec>& specs,
                                const estate::Estate& estate) {
  Schedule schedule;
  schedule.job_ = job;
  for (const estate::ScheduleSpec& spec : specs) {
    Result<Part> part = MakePart(spec, estate).Within([&] {
      return "schedule of " + job + ", " + spec.ToString();
    });
    if (!part.ok()) return std::move(part).error();
    schedule.parts_.push_back(std::move(part).value());
  }
  return schedule;
}

Result<Schedule::Part> Schedule::MakePart(const estate::ScheduleSpec& spec,
                                          const estate::Estate& estate) {
  AFL_ASSIGN(Zone zone, Zone::Find(spec.zone.empty() ? estate.time_zone : spec.zone));
  AFL_ASSIGN(estate::ExceptedDays excepted,
             estate::ExceptedDays::Make(spec.except, estate.calendars));
  DayLimits limits;
  limits.first = spec.from.value_or(limits.first);
  limits.last = spec.until.value_or(limits.last);
  if (spec.cron.empty()) {
    if (spec.every <= 0ms) return Error(ErrorKind::kInvalidConfig, "it has no time between fires");
    const bool anchored = spec.anchor != WallTime{};
    std::string description = spec.ToString();
    if (anchored) description += " from " + ClockText(spec.anchor.time_since_epoch()) + "Z";
    return Part{
        IntervalFires(spec.every, spec.anchor, std::move(zone), std::move(excepted), limits),
        std::move(description), spec.jitter};
  }
  AFL_ASSIGN(const estate::Cron cron, estate::ParseCron(spec.cron));
  // A rhythm goes on through the hour that is left out or comes twice; a time of day comes once.
  const estate::Gap gap =
      spec.gap.value_or(cron.every_hour ? estate::Gap::kSkip : estate::Gap::kShift);
  const estate::Overlap overlap =
      spec.overlap.value_or(cron.every_hour ? estate::Overlap::kBoth : estate::Overlap::kFirst);
  std::string description = spec.ToString() + " of " + zone.name();
  return Part{CronFires(cron, std::move(zone), std::move(excepted), limits, gap, overlap),
              std::move(description), spec.jitter};
}

Fire Schedule::FireOf(const Part& part, const Moment& moment) const {
  const milliseconds jitter = JitterOf(job_, moment.time, part.jitter);
  const Zone& zone = ZoneOf(part.fires);
  Fire fire{.nominal = moment.time,
            .at = moment.time + jitter,
            .zone = zone.name(),
            .offset = zone.At(moment.time + jitter).offset,
            .why = part.description};
  if (!moment.note.empty()) fire.why += "; " + moment.note;
  if (part.jitter > 0ms) {
    fire.why += fmt::format("; {:.3f} s of {} jitter", static_cast<double>(jitter.count()) / 1000,
                            estate::FormatDuration(part.jitter));
  }
  return fire;
}

std::optional<Fire> Schedule::Next(WallTime after) const {
  std::optional<Fire> next;
  for (const Part& part : parts_) {
    const auto moment =
        std::visit([&](const auto& fires) { return fires.Next(after); }, part.fires);
    if (!moment || (next && moment->time > next->nominal)) continue;
    Fire fire = FireOf(part, *moment);
    if (next && fire.nominal == next->nominal) {
      const bool earlier = fire.at < next->at;
      Fire& kept = earlier ? fire : *next;
      kept.why = next->why == fire.why ? kept.why : next->why + ", and " + fire.why;
      if (!earlier) continue;
    }
    next = std::move(fire);
  }
  return next;
}

std::optional<WallTime> Schedule::Previous(WallTime before) const {
  std::optional<WallTime> previous;
  for (const Part& part : parts_) {
    const auto time =
        std::visit([&](const auto& fires) { return fires.Previous(before); }, part.fires);
    if (time && (!previous || *time > *previous)) previous = time;
  }
  return previous;
}

DataInterval Schedule::IntervalOf(WallTime nominal) const {
  return {.begin = Previous(nominal).value_or(nominal), .end = nominal};
}

}  // namespace afluente::schedule
