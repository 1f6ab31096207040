#include "orchestrator/schedule/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "orchestrator/schedule/test_schedule.h"

namespace afluente::schedule {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;

struct DayCase {
  std::string name;
  std::string cron;
  std::string from;  // A day.
  std::vector<std::string> want;
};

std::ostream& operator<<(std::ostream& out, const DayCase& row) { return out << row.name; }

class DaysTest : public testing::TestWithParam<DayCase> {};

TEST_P(DaysTest, FiresOnThem) {
  const DayCase& row = GetParam();
  std::vector<std::string> days;
  for (const std::string& time :
       Times(MakeSchedule({CronSpec(row.cron)}), row.from + "T00:00:00Z", row.want.size())) {
    days.push_back(time.substr(0, 10));
  }
  EXPECT_THAT(days, ElementsAreArray(row.want));
}

INSTANTIATE_TEST_SUITE_P(
    Days, DaysTest,
    testing::Values(
        DayCase{"MonthEnds", "0 0 L * *", "2023-12-31", {"2023-12-31", "2024-01-31", "2024-02-29"}},
        DayCase{
            "ThirtyFirst", "0 0 31 * *", "2026-01-31", {"2026-01-31", "2026-03-31", "2026-05-31"}},
        DayCase{"LeapDay", "0 0 29 2 *", "2095-01-01", {"2096-02-29", "2104-02-29"}},
        DayCase{
            "LastFriday", "0 0 * * 5L", "2026-01-01", {"2026-01-30", "2026-02-27", "2026-03-27"}},
        DayCase{"SecondMonday", "0 0 * * mon#2", "2026-01-01", {"2026-01-12", "2026-02-09"}},
        DayCase{"FifthSunday", "0 0 * * 7#5", "2026-01-01", {"2026-03-29", "2026-05-31"}},
        DayCase{"FifthFridayOfFebruary", "0 0 * 2 5#5", "2026-01-01", {"2036-02-29", "2064-02-29"}},
        DayCase{"Weekdays", "0 0 * * mon-fri", "2026-01-02", {"2026-01-02", "2026-01-05"}},
        DayCase{"SundayByBothNumbers", "0 0 * * 0,7", "2026-01-01", {"2026-01-04", "2026-01-11"}},
        DayCase{"DayOrWeekday",
                "0 0 13 * fri",
                "2026-01-09",
                {"2026-01-09", "2026-01-13", "2026-01-16"}},
        DayCase{"StepOrWeekday",
                "0 0 */15 * sat",
                "2026-01-01",
                {"2026-01-01", "2026-01-03", "2026-01-10", "2026-01-16"}},
        DayCase{"Months", "0 0 1 JAN,jul *", "2026-02-01", {"2026-07-01", "2027-01-01"}},
        DayCase{"Yearly", "@yearly", "2026-02-01", {"2027-01-01", "2028-01-01"}},
        DayCase{"Weekly", "@weekly", "2026-01-01", {"2026-01-04", "2026-01-11"}}),
    [](const auto& row) { return row.param.name; });

TEST(ScheduleTest, ListsRangesAndStepsOfTheDay) {
  EXPECT_THAT(Times(MakeSchedule({CronSpec("5,35 8-10/2 * * *")}), "2026-01-01T00:00:00Z", 5),
              ElementsAre("2026-01-01T08:05:00+00:00", "2026-01-01T08:35:00+00:00",
                          "2026-01-01T10:05:00+00:00", "2026-01-01T10:35:00+00:00",
                          "2026-01-02T08:05:00+00:00"));
}

TEST(ScheduleTest, NextIsAfterAndPreviousBefore) {
  const Schedule schedule = MakeSchedule({CronSpec("0 6 * * *")});
  const WallTime six = Moment3339("2026-01-02T06:00:00Z");
  EXPECT_EQ(schedule.Next(six - 1us)->nominal, six);
  EXPECT_EQ(schedule.Next(six)->nominal, six + 24h);
  EXPECT_EQ(schedule.Previous(six + 1us), six);
  EXPECT_EQ(schedule.Previous(six), six - 24h);
}

TEST(ScheduleTest, IntervalsFollowTheirAnchor) {
  EXPECT_THAT(Times(MakeSchedule({EverySpec(15min)}), "2026-01-01T00:01:00Z", 2),
              ElementsAre("2026-01-01T00:15:00+00:00", "2026-01-01T00:30:00+00:00"));
  EXPECT_THAT(
      Times(MakeSchedule({EverySpec(36h, "2030-01-01T06:00:00Z")}), "2026-01-01T00:00:00Z", 2),
      ElementsAre("2026-01-01T06:00:00+00:00", "2026-01-02T18:00:00+00:00"));
  EXPECT_THAT(Times(MakeSchedule({EverySpec(1500ms)}), "2026-01-01T00:00:01Z", 2),
              ElementsAre("2026-01-01T00:00:01.500+00:00", "2026-01-01T00:00:03+00:00"));
  const Schedule schedule = MakeSchedule({EverySpec(15min)});
  const WallTime quarter = Moment3339("1969-12-31T23:45:00Z");
  EXPECT_EQ(schedule.Next(quarter - 1us)->nominal, quarter);
  EXPECT_EQ(schedule.Previous(quarter), quarter - 15min);
}

TEST(ScheduleTest, IntervalsDoNotCareForClocksOnTheWall) {
  estate::ScheduleSpec spec = EverySpec(6h);
  spec.zone = "America/New_York";
  EXPECT_THAT(Times(MakeSchedule({spec}), "2018-11-04T00:00:00Z", 3),
              ElementsAre("2018-11-03T20:00:00-04:00", "2018-11-04T01:00:00-05:00",
                          "2018-11-04T07:00:00-05:00"));
}

TEST(ScheduleTest, SeveralSchedulesAreOneListOfTimes) {
  const Schedule schedule =
      MakeSchedule({CronSpec("0 6 * * *"), CronSpec("0 6,18 * * mon"), EverySpec(24h)});
  const std::vector<Fire> fires = Fires(schedule, "2026-01-05T00:00:00Z", 4);  // A Monday.
  EXPECT_EQ(fires[0].why, "every 1d");
  EXPECT_EQ(fires[1].why, "cron 0 6 * * * of UTC, and cron 0 6,18 * * mon of UTC");
  EXPECT_EQ(fires[2].LocalText(), "2026-01-05T18:00:00+00:00");
  EXPECT_EQ(fires[3].LocalText(), "2026-01-06T00:00:00+00:00");
  EXPECT_EQ(schedule.Previous(fires[2].nominal), fires[1].nominal);
}

TEST(ScheduleTest, LeavesOutDaysAndSaysSo) {
  estate::Estate estate;
  estate.calendars["school"] = {.days = {{Day("2026-12-21"), Day("2027-01-02")}}, .mark = {}};
  estate::ScheduleSpec spec = CronSpec("0 6 * * *", "America/Sao_Paulo");
  spec.except = {"br-national"};
  EXPECT_THAT(Times(MakeSchedule({spec}), "2026-12-24T00:00:00Z", 2),
              ElementsAre("2026-12-24T06:00:00-03:00", "2026-12-26T06:00:00-03:00"));
  EXPECT_THAT(Fires(MakeSchedule({spec}), "2026-12-25T00:00:00-03:00", 1)[0].why,
              HasSubstr("; 2026-12-25 left out (br-national: Natal)"));
  spec.except = {"school", "2027-01-03..2027-01-04"};
  const Schedule schedule = MakeSchedule({spec}, estate);
  const Fire fire = Fires(schedule, "2026-12-21T00:00:00-03:00", 1).at(0);
  EXPECT_EQ(fire.LocalText(), "2027-01-05T06:00:00-03:00");
  EXPECT_THAT(fire.why, HasSubstr("; 15 days left out from 2026-12-21 (school)"));
  EXPECT_EQ(schedule.IntervalOf(fire.nominal).begin, Moment3339("2026-12-20T06:00:00-03:00"));

  estate::ScheduleSpec often = EverySpec(7h);
  often.zone = "America/Sao_Paulo";
  often.except = {"2026-12-24..2026-12-25"};
  const Schedule every = MakeSchedule({often});
  const std::vector<Fire> fires = Fires(every, "2026-12-23T23:00:00-03:00", 2);
  EXPECT_GE(fires[0].LocalText(), "2026-12-26T00:00:00-03:00");
  EXPECT_LT(fires[0].LocalText(), "2026-12-26T07:00:00-03:00");
  EXPECT_EQ(fires[1].nominal - fires[0].nominal, 7h);
  EXPECT_LT(*every.Previous(fires[0].nominal), Moment3339("2026-12-24T00:00:00-03:00"));
}

TEST(ScheduleTest, KeepsToItsFirstAndLastDay) {
  estate::ScheduleSpec spec = CronSpec("0 0 * * *", "America/Sao_Paulo");
  spec.from = Day("2026-03-01");
  spec.until = Day("2026-03-02");
  const Schedule schedule = MakeSchedule({spec});
  EXPECT_THAT(Times(schedule, "2020-01-01T00:00:00Z", 9),
              ElementsAre("2026-03-01T00:00:00-03:00", "2026-03-02T00:00:00-03:00"));
  const DataInterval first = schedule.IntervalOf(Moment3339("2026-03-01T00:00:00-03:00"));
  EXPECT_EQ(first.begin, Moment3339("2026-02-28T00:00:00-03:00"));
  EXPECT_EQ(schedule.Previous(Moment3339("2030-01-01T00:00:00Z")),
            Moment3339("2026-03-02T00:00:00-03:00"));

  estate::ScheduleSpec every = EverySpec(12h);
  every.from = spec.from;
  every.until = spec.from;
  EXPECT_THAT(Times(MakeSchedule({every}), "2020-01-01T00:00:00Z", 9),
              ElementsAre("2026-03-01T00:00:00+00:00", "2026-03-01T12:00:00+00:00"));
}

TEST(ScheduleTest, NeverAgainIsAnAnswerNotASearch) {
  estate::ScheduleSpec spec = CronSpec("0 0 25 12 *");
  spec.except = {"br-national"};
  EXPECT_THAT(Times(MakeSchedule({spec}), "2026-01-01T00:00:00Z", 1), IsEmpty());
  EXPECT_EQ(MakeSchedule({spec}).Previous(Moment3339("2026-01-01T00:00:00Z")), std::nullopt);
  EXPECT_EQ(MakeSchedule({CronSpec("@daily")}).Next(WallTime::max() - 1us), std::nullopt);
  EXPECT_FALSE(Schedule::Make("job", {CronSpec("0 0 31 2 *")}, {}).ok());
}

TEST(ScheduleTest, FarAwayIsFound) {
  EXPECT_THAT(
      Times(MakeSchedule({CronSpec("0 0 29 2 *", "America/New_York")}), "2096-03-01T00:00:00Z", 1),
      ElementsAre(HasSubstr("2104-02-29T00:00:00")));
}

TEST(ScheduleTest, NamesWhatItCannotUse) {
  const auto message = [](const estate::ScheduleSpec& spec) {
    return Schedule::Make("contacts", {spec}, {}).error().message();
  };
  EXPECT_THAT(message(CronSpec("@daily", "America/Sao_Paolo")),
              HasSubstr("schedule of contacts, cron @daily: zone \"America/Sao_Paolo\": no such "
                        "zone in the time zone database (did you mean \"America/Sao_Paulo\"?)"));
  estate::ScheduleSpec spec = CronSpec("@daily");
  spec.except = {"br-nacional"};
  EXPECT_THAT(message(spec), HasSubstr("no calendar \"br-nacional\" is declared under calendars of "
                                       "estate.yaml or built in (did you mean \"br-national\"?)"));
}

TEST(JitterTest, IsTheSameForEver) {
  const WallTime nominal = Moment3339("2026-01-01T00:00:00Z");
  // Fixed values: another hash would run jobs again at other times after an upgrade.
  EXPECT_EQ(JitterOf("contacts", nominal, 5min), 13293ms);
  EXPECT_EQ(JitterOf("orders", nominal, 5min), 214920ms);
  EXPECT_EQ(JitterOf("contacts", nominal, 0ms), 0ms);
  std::set<std::chrono::milliseconds> seen;
  for (int day = 0; day < 200; ++day) {
    const auto jitter = JitterOf("contacts", nominal + day * 24h, 5min);
    EXPECT_GE(jitter, 0ms);
    EXPECT_LT(jitter, 5min);
    seen.insert(jitter / 30'000);
  }
  EXPECT_EQ(seen.size(), 10U);  // Every tenth of the five minutes.
}

TEST(JitterTest, MovesTheStartNotTheRun) {
  estate::ScheduleSpec spec = CronSpec("0 6 * * *", "America/Sao_Paulo");
  spec.jitter = 5min;
  const Fire fire = Fires(MakeSchedule({spec}), "2026-01-01T00:00:00Z", 1).at(0);
  EXPECT_EQ(fire.nominal, Moment3339("2026-01-01T06:00:00-03:00"));
  EXPECT_EQ(fire.at - fire.nominal, JitterOf("job", fire.nominal, 5min));
  EXPECT_THAT(fire.why, HasSubstr(" s of 5m jitter"));
}

}  // namespace
}  // namespace afluente::schedule
