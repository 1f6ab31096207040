// Random crons around the days on which clocks change, against a loop over all minutes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "orchestrator/schedule/test_schedule.h"

namespace afluente::schedule {
namespace {

using estate::Gap;
using estate::Overlap;
using namespace std::chrono_literals;
using std::chrono::minutes;

// Whether `local` matches, told from the cron's definition and nothing else of the schedule.
bool Matches(const estate::Cron& cron, LocalTime local) {
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date(day);
  const std::chrono::weekday weekday(day);
  const auto number = static_cast<unsigned>(date.day());
  const auto minute_of_day = (local - day) / 1min;
  const bool is_last_week =
      (day + std::chrono::days(7)) >=
      std::chrono::local_days((date.year() / date.month() + std::chrono::months(1)) / 1);
  const bool is_last =
      (day + std::chrono::days(1)) ==
      std::chrono::local_days((date.year() / date.month() + std::chrono::months(1)) / 1);
  const auto bit = [](auto set, auto index) { return ((set >> index) & 1U) != 0; };
  if (!bit(cron.minutes, minute_of_day % 60) || !bit(cron.hours, minute_of_day / 60)) return false;
  if (!bit(cron.months, static_cast<unsigned>(date.month()))) return false;
  const bool by_day = cron.any_day || bit(cron.days, number) || (cron.last_day && is_last);
  const unsigned w = weekday.c_encoding();
  const bool by_weekday = cron.any_weekday || bit(cron.weekdays, w) ||
                          bit(cron.nth_weekdays[(number - 1) / 7 + 1], w) ||
                          (is_last_week && bit(cron.last_weekdays, w));
  if (cron.any_day || cron.any_weekday) return by_day && by_weekday;
  return by_day || by_weekday;
}

// All fires in [begin, end): every UTC minute is asked for its local time; local minutes that
// never came are looked for between two that did.
std::set<WallTime> Slowly(const estate::Cron& cron, const Zone& zone, Gap gap, Overlap overlap,
                          WallTime begin, WallTime end) {
  std::map<LocalTime, std::vector<WallTime>> shown;
  std::set<WallTime> fires;
  // A day more on both sides, so that a local minute's other occurrence is seen.
  for (WallTime time = begin - 24h; time < end + 24h; time += 1min) {
    const LocalTime local = zone.ToLocal(time);
    shown[local].push_back(time);
    const LocalTime before = zone.ToLocal(time - 1min);
    for (LocalTime missing = before + 1min; missing < local; missing += 1min) {
      if (gap == Gap::kShift && Matches(cron, missing)) fires.insert(time);
    }
  }
  for (const auto& [local, times] : shown) {
    if (!Matches(cron, local)) continue;
    if (overlap != Overlap::kLast) fires.insert(times.front());
    if (overlap != Overlap::kFirst) fires.insert(times.back());
  }
  return {fires.lower_bound(begin), fires.lower_bound(end)};
}

class RandomCron {
 public:
  explicit RandomCron(std::uint32_t seed) : random_(seed) {}

  std::string Text() {
    return Field(0, 59) + " " + (Flip() ? Field(0, 4) : Field(0, 23)) + " " + DayOfMonth() + " " +
           (Flip() ? "*" : Field(1, 12)) + " " + DayOfWeek();
  }
  template <class T>
  T OneOf(std::initializer_list<T> choices) {
    return *(choices.begin() + Up(0, static_cast<int>(choices.size()) - 1));
  }

 private:
  int Up(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  bool Flip() { return Up(0, 1) == 0; }
  std::string Field(int low, int high) {
    const int a = Up(low, high);
    const int b = Up(a, high);
    switch (Up(0, 5)) {
      case 0:
        return "*";
      case 1:
        return "*/" + std::to_string(Up(1, high - low));
      case 2:
        return std::to_string(a) + "-" + std::to_string(b);
      case 3:
        return std::to_string(a) + "," + std::to_string(b);
      case 4:
        return std::to_string(low) + "-" + std::to_string(b) + "/" +
               std::to_string(Up(1, high - low));
      default:
        return std::to_string(a);
    }
  }
  std::string DayOfMonth() { return Flip() ? "*" : Up(0, 4) == 0 ? "L" : Field(1, 31); }
  std::string DayOfWeek() {
    if (Flip()) return "*";
    const std::string day = std::to_string(Up(0, 7));
    if (Up(0, 3) == 0) return day + "L";
    if (Up(0, 3) == 0) return day + "#" + std::to_string(Up(1, 5));
    return Field(0, 7);
  }

  std::mt19937 random_;
};

struct Transition {
  const char* zone;
  const char* begin;
};

TEST(MinuteLoopTest, AgreesAroundTransitions) {
  constexpr Transition kTransitions[] = {{"America/Sao_Paulo", "2018-11-03T00:00:00Z"},
                                         {"America/Sao_Paulo", "2019-02-15T00:00:00Z"},
                                         {"America/New_York", "2018-03-10T00:00:00Z"},
                                         {"America/New_York", "2019-11-02T00:00:00Z"},
                                         {"Europe/Lisbon", "2019-03-30T00:00:00Z"},
                                         {"Europe/Lisbon", "2018-10-27T00:00:00Z"},
                                         {"Australia/Lord_Howe", "2018-10-05T12:00:00Z"},
                                         {"Australia/Lord_Howe", "2019-04-05T12:00:00Z"},
                                         {"Asia/Kathmandu", "2018-12-30T00:00:00Z"},
                                         {"Pacific/Apia", "2011-12-29T00:00:00Z"}};
  constexpr std::uint32_t kSeed = 20181104;
  RandomCron random(kSeed);
  int fires = 0;
  for (int round = 0; round < 12; ++round) {
    for (const Transition& transition : kTransitions) {
      estate::ScheduleSpec spec = CronSpec(random.Text(), transition.zone);
      const Result<estate::Cron> cron = estate::ParseCron(spec.cron);
      if (!cron.ok()) continue;  // 31 of a short month, say.
      spec.gap = random.OneOf({Gap::kShift, Gap::kSkip});
      spec.overlap = random.OneOf({Overlap::kFirst, Overlap::kLast, Overlap::kBoth});
      const WallTime begin = Moment3339(transition.begin);
      const WallTime end = begin + 4 * 24h;
      const std::set<WallTime> want =
          Slowly(cron.value(), Zone::Find(spec.zone).value(), *spec.gap, *spec.overlap, begin, end);
      const Schedule schedule = MakeSchedule({spec});
      const std::string told = spec.cron + " in " + spec.zone;
      std::set<WallTime> forwards;
      for (auto fire = schedule.Next(begin - 1us); fire && fire->nominal < end;
           fire = schedule.Next(fire->nominal)) {
        forwards.insert(fire->nominal);
      }
      std::set<WallTime> backwards;
      for (auto time = schedule.Previous(end); time && *time >= begin;
           time = schedule.Previous(*time)) {
        backwards.insert(*time);
      }
      ASSERT_EQ(forwards, want) << told;
      ASSERT_EQ(backwards, want) << told;
      fires += static_cast<int>(want.size());
    }
  }
  EXPECT_GT(fires, 5'000);
}

}  // namespace
}  // namespace afluente::schedule
