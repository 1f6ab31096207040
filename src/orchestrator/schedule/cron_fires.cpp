#include "orchestrator/schedule/cron_fires.h"

#include <fmt/format.h>

#include <algorithm>

namespace afluente::schedule {
namespace {

using std::chrono::days;
using std::chrono::local_days;
using std::chrono::minutes;
using std::chrono::seconds;
using namespace std::chrono_literals;

constexpr days kRepeat(146'097);  // 400 years of the Gregorian calendar.

// The first whole minute that clocks with that offset show at or after `time`.
LocalMinutes LocalAt(WallTime time, seconds offset) {
  return LocalMinutes(std::chrono::ceil<minutes>(time.time_since_epoch() + offset));
}

WallTime MomentOf(LocalMinutes local, seconds offset) {
  return WallTime(local.time_since_epoch() - offset);
}

std::string TimeText(LocalMinutes local) {
  const minutes of_day = local - std::chrono::floor<days>(local);
  return fmt::format("{:02}:{:02}", of_day / 1h, of_day % 1h / 1min);
}

std::string DayText(LocalMinutes local) {
  return estate::FormatDay(std::chrono::floor<days>(local));
}

void Append(std::string& note, const std::string& more) {
  if (!note.empty() && !more.empty()) note += "; ";
  note += more;
}

}  // namespace

std::string Tell(const LeftOut& left_out, const estate::ExceptedDays& excepted) {
  if (left_out.days == 0) return "";
  const std::string reason = excepted.ReasonFor(left_out.first);
  const std::string day = estate::FormatDay(left_out.first);
  if (left_out.days == 1) return fmt::format("{} left out ({})", day, reason);
  return fmt::format("{} days left out from {} ({})", left_out.days, day, reason);
}

CronFires::Surrounded CronFires::Around(WallTime time) const {
  Surrounded around{.earlier = {}, .period = zone_.At(time), .later = {}};
  const Zone::Period& period = around.period;
  around.earlier = period.begin > kEarliest ? zone_.At(period.begin - 1us).offset : period.offset;
  around.later = period.end < kLatest ? zone_.At(period.end).offset : period.offset;
  return around;
}

CronFires::Window CronFires::WindowOf(const Surrounded& around) const {
  const auto& [begin, end, offset] = around.period;
  const WallTime first = std::max(begin, kEarliest);
  const WallTime last = std::min(end, kLatest);
  Window window{LocalAt(first, offset), LocalAt(last, offset)};
  if (overlap_ == estate::Overlap::kFirst) {
    window.from = LocalAt(first, std::max(offset, around.earlier));
  }
  if (overlap_ == estate::Overlap::kLast) {
    window.until = LocalAt(last, std::min(offset, around.later));
  }
  return window;
}

std::optional<LocalMinutes> CronFires::InGap(const Surrounded& around, const Window& days_allowed,
                                             LeftOut& left_out) const {
  const auto& [begin, end, offset] = around.period;
  if (around.earlier >= offset) return std::nullopt;
  return NextMinute(cron_, excepted_, std::max(LocalAt(begin, around.earlier), days_allowed.from),
                    std::min(LocalAt(begin, offset), days_allowed.until), left_out);
}

std::string CronFires::TellOverlap(const Surrounded& around, LocalMinutes local) const {
  const auto& [begin, end, offset] = around.period;
  const bool first = end < kLatest && local >= LocalAt(end, around.later);
  const bool second = begin > kEarliest && local < LocalAt(begin, around.earlier);
  if (!first && !second) return "";
  return fmt::format("{} comes twice on {} (clocks go back), this is the {}", TimeText(local),
                     DayText(local), first ? "first" : "second");
}

std::optional<Moment> CronFires::Next(WallTime after) const {
  const WallTime start = std::max(after + 1us, kEarliest);
  if (start >= kLatest) return std::nullopt;
  const WallTime horizon = std::min(start + kRepeat, kLatest);
  const Window allowed{limits_.first, limits_.last + days(1)};
  LeftOut left_out;
  std::string note;
  for (WallTime at = start; at < horizon;) {
    const Surrounded around = Around(at);
    const auto& [begin, end, offset] = around.period;
    const Window window = WindowOf(around);
    if (LocalAt(at, offset) >= allowed.until) return std::nullopt;
    std::optional<LocalMinutes> shifted;
    if (begin >= start) {
      shifted = InGap(around, allowed, left_out);
      if (shifted) {
        const bool skips = gap_ == estate::Gap::kSkip;
        Append(note,
               fmt::format("{} does not exist on {} (clocks go forward), {}", TimeText(*shifted),
                           DayText(*shifted),
                           skips ? "skipped" : "shifted to " + TimeText(LocalAt(begin, offset))));
        if (skips) shifted.reset();
      }
    }
    if (shifted) {
      Append(note, Tell(left_out, excepted_));
      return Moment{begin, note};
    }
    const auto found =
        NextMinute(cron_, excepted_, std::max({window.from, LocalAt(at, offset), allowed.from}),
                   std::min({window.until, LocalAt(horizon, offset), allowed.until}), left_out);
    if (found) {
      Append(note, TellOverlap(around, *found));
      Append(note, Tell(left_out, excepted_));
      return Moment{MomentOf(*found, offset), note};
    }
    at = end;
  }
  return std::nullopt;
}

std::optional<WallTime> CronFires::Previous(WallTime before) const {
  before = std::min(before, kLatest);
  const WallTime horizon = std::max(before - kRepeat, kEarliest);
  const Window allowed{DayLimits().first, limits_.last + days(1)};
  LeftOut unused;
  for (WallTime until = before; until > horizon;) {
    const Surrounded around = Around(until - 1us);
    const auto& [begin, end, offset] = around.period;
    const Window window = WindowOf(around);
    const auto found =
        PreviousMinute(cron_, excepted_, std::max(window.from, LocalAt(horizon, offset)),
                       std::min({window.until, LocalAt(until, offset), allowed.until}));
    if (found) return MomentOf(*found, offset);
    const bool shifts = gap_ == estate::Gap::kShift && begin > horizon;
    if (shifts && InGap(around, allowed, unused)) return begin;
    until = begin;
  }
  return std::nullopt;
}

}  // namespace afluente::schedule
