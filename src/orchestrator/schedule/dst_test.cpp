// The days on which clocks change: the documented policy, row by row.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestrator/schedule/test_schedule.h"

namespace afluente::schedule {
namespace {

using estate::Gap;
using estate::Overlap;
using testing::ElementsAreArray;
using testing::HasSubstr;

struct DstCase {
  std::string name;
  std::string zone;
  std::string cron;
  std::optional<Gap> gap;
  std::optional<Overlap> overlap;
  std::string from;
  std::vector<std::string> want;
};

std::ostream& operator<<(std::ostream& out, const DstCase& row) { return out << row.name; }

class DstTest : public testing::TestWithParam<DstCase> {};

TEST_P(DstTest, FiresThen) {
  const DstCase& row = GetParam();
  estate::ScheduleSpec spec = CronSpec(row.cron, row.zone);
  spec.gap = row.gap;
  spec.overlap = row.overlap;
  const Schedule schedule = MakeSchedule({spec});
  const std::vector<Fire> fires = Fires(schedule, row.from, row.want.size());
  std::vector<std::string> times;
  for (const Fire& fire : fires) times.push_back(fire.LocalText());
  EXPECT_THAT(times, ElementsAreArray(row.want));
  for (std::size_t i = 1; i < fires.size(); ++i) {
    EXPECT_EQ(schedule.Previous(fires[i].nominal), fires[i - 1].nominal) << fires[i].LocalText();
  }
}

const auto kName = [](const auto& row) { return row.param.name; };
constexpr const char* kSaoPaulo = "America/Sao_Paulo";    // -03:00; summer -02:00, from 00:00 on.
constexpr const char* kNewYork = "America/New_York";      // -05:00; summer -04:00, from 02:00 on.
constexpr const char* kLisbon = "Europe/Lisbon";          // +00:00; summer +01:00, from 01:00 on.
constexpr const char* kLordHowe = "Australia/Lord_Howe";  // +10:30; summer +11:00, from 02:00 on.

INSTANTIATE_TEST_SUITE_P(
    SaoPaulo, DstTest,
    testing::Values(DstCase{"GapAtMidnightShifts",
                            kSaoPaulo,
                            "0 0 * * *",
                            {},
                            {},
                            "2018-11-03T00:00:00-03:00",
                            {"2018-11-03T00:00:00-03:00", "2018-11-04T01:00:00-02:00",
                             "2018-11-05T00:00:00-02:00"}},
                    DstCase{"GapAtMidnightSkips",
                            kSaoPaulo,
                            "0 0 * * *",
                            Gap::kSkip,
                            {},
                            "2018-11-03T00:00:00-03:00",
                            {"2018-11-03T00:00:00-03:00", "2018-11-05T00:00:00-02:00"}},
                    DstCase{"GapAndItsEndAreOneFire",
                            kSaoPaulo,
                            "0 0,1 * * *",
                            {},
                            {},
                            "2018-11-03T01:00:00-03:00",
                            {"2018-11-03T01:00:00-03:00", "2018-11-04T01:00:00-02:00",
                             "2018-11-05T00:00:00-02:00"}},
                    DstCase{"HourlyGoesOnThroughTheGap",
                            kSaoPaulo,
                            "@hourly",
                            {},
                            {},
                            "2018-11-03T22:00:00-03:00",
                            {"2018-11-03T22:00:00-03:00", "2018-11-03T23:00:00-03:00",
                             "2018-11-04T01:00:00-02:00", "2018-11-04T02:00:00-02:00"}},
                    DstCase{"MinutesOfOneHourMeetAtTheEndOfTheGap",
                            kSaoPaulo,
                            "*/20 0 * * *",
                            {},
                            {},
                            "2018-11-03T00:40:00-03:00",
                            {"2018-11-03T00:40:00-03:00", "2018-11-04T01:00:00-02:00",
                             "2018-11-05T00:00:00-02:00"}},
                    DstCase{"OverlapBeforeMidnightFirst",
                            kSaoPaulo,
                            "30 23 * * *",
                            {},
                            {},
                            "2019-02-15T23:30:00-02:00",
                            {"2019-02-15T23:30:00-02:00", "2019-02-16T23:30:00-02:00",
                             "2019-02-17T23:30:00-03:00"}},
                    DstCase{"OverlapBeforeMidnightLast",
                            kSaoPaulo,
                            "30 23 * * *",
                            {},
                            Overlap::kLast,
                            "2019-02-15T23:30:00-02:00",
                            {"2019-02-15T23:30:00-02:00", "2019-02-16T23:30:00-03:00",
                             "2019-02-17T23:30:00-03:00"}},
                    DstCase{"OverlapBeforeMidnightBoth",
                            kSaoPaulo,
                            "30 23 * * *",
                            {},
                            Overlap::kBoth,
                            "2019-02-15T23:30:00-02:00",
                            {"2019-02-15T23:30:00-02:00", "2019-02-16T23:30:00-02:00",
                             "2019-02-16T23:30:00-03:00", "2019-02-17T23:30:00-03:00"}},
                    DstCase{"MidnightAfterTheOverlapComesOnce",
                            kSaoPaulo,
                            "0 0 * * *",
                            {},
                            Overlap::kBoth,
                            "2019-02-16T00:00:00-02:00",
                            {"2019-02-16T00:00:00-02:00", "2019-02-17T00:00:00-03:00",
                             "2019-02-18T00:00:00-03:00"}},
                    DstCase{"HourlyGoesOnThroughTheOverlap",
                            kSaoPaulo,
                            "0 * * * *",
                            {},
                            {},
                            "2019-02-16T22:00:00-02:00",
                            {"2019-02-16T22:00:00-02:00", "2019-02-16T23:00:00-02:00",
                             "2019-02-16T23:00:00-03:00", "2019-02-17T00:00:00-03:00"}},
                    DstCase{"HourlyAskedToFireOnce",
                            kSaoPaulo,
                            "0 * * * *",
                            {},
                            Overlap::kFirst,
                            "2019-02-16T22:00:00-02:00",
                            {"2019-02-16T22:00:00-02:00", "2019-02-16T23:00:00-02:00",
                             "2019-02-17T00:00:00-03:00"}},
                    DstCase{"NoSummerSince2019",
                            kSaoPaulo,
                            "0 0 * * *",
                            {},
                            {},
                            "2019-11-02T00:00:00-03:00",
                            {"2019-11-02T00:00:00-03:00", "2019-11-03T00:00:00-03:00",
                             "2019-11-04T00:00:00-03:00"}}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    NewYork, DstTest,
    testing::Values(DstCase{"GapShiftsToItsEnd",
                            kNewYork,
                            "30 2 * * *",
                            {},
                            {},
                            "2018-03-10T02:30:00-05:00",
                            {"2018-03-10T02:30:00-05:00", "2018-03-11T03:00:00-04:00",
                             "2018-03-12T02:30:00-04:00"}},
                    DstCase{"OverlapFirst",
                            kNewYork,
                            "30 1 * * *",
                            {},
                            {},
                            "2018-11-03T01:30:00-04:00",
                            {"2018-11-03T01:30:00-04:00", "2018-11-04T01:30:00-04:00",
                             "2018-11-05T01:30:00-05:00"}},
                    DstCase{"EveryOtherHourMissesTheGap",
                            kNewYork,
                            "0 */2 * * *",
                            {},
                            {},
                            "2018-03-11T00:00:00-05:00",
                            {"2018-03-11T00:00:00-05:00", "2018-03-11T04:00:00-04:00",
                             "2018-03-11T06:00:00-04:00"}},
                    DstCase{"EveryOtherHourAskedToShift",
                            kNewYork,
                            "0 */2 * * *",
                            Gap::kShift,
                            {},
                            "2018-03-11T00:00:00-05:00",
                            {"2018-03-11T00:00:00-05:00", "2018-03-11T03:00:00-04:00",
                             "2018-03-11T04:00:00-04:00"}},
                    DstCase{"QuartersGoOnThroughTheOverlap",
                            kNewYork,
                            "*/15 * * * *",
                            {},
                            {},
                            "2018-11-04T01:30:00-04:00",
                            {"2018-11-04T01:30:00-04:00", "2018-11-04T01:45:00-04:00",
                             "2018-11-04T01:00:00-05:00", "2018-11-04T01:15:00-05:00",
                             "2018-11-04T01:30:00-05:00", "2018-11-04T01:45:00-05:00",
                             "2018-11-04T02:00:00-05:00"}}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    OtherZones, DstTest,
    testing::Values(DstCase{"LisbonGap",
                            kLisbon,
                            "30 1 * * *",
                            {},
                            {},
                            "2018-03-24T01:30:00+00:00",
                            {"2018-03-24T01:30:00+00:00", "2018-03-25T02:00:00+01:00",
                             "2018-03-26T01:30:00+01:00"}},
                    DstCase{"LisbonOverlapLast",
                            kLisbon,
                            "30 1 * * *",
                            {},
                            Overlap::kLast,
                            "2018-10-27T01:30:00+01:00",
                            {"2018-10-27T01:30:00+01:00", "2018-10-28T01:30:00+00:00",
                             "2018-10-29T01:30:00+00:00"}},
                    DstCase{"LordHoweGapOfHalfAnHour",
                            kLordHowe,
                            "0 2 * * *",
                            {},
                            {},
                            "2018-10-06T02:00:00+10:30",
                            {"2018-10-06T02:00:00+10:30", "2018-10-07T02:30:00+11:00",
                             "2018-10-08T02:00:00+11:00"}},
                    DstCase{"LordHoweOverlapOfHalfAnHour",
                            kLordHowe,
                            "*/15 1 * * *",
                            {},
                            Overlap::kBoth,
                            "2018-04-01T01:15:00+11:00",
                            {"2018-04-01T01:15:00+11:00", "2018-04-01T01:30:00+11:00",
                             "2018-04-01T01:45:00+11:00", "2018-04-01T01:30:00+10:30",
                             "2018-04-01T01:45:00+10:30", "2018-04-02T01:00:00+10:30"}},
                    DstCase{"LordHoweOverlapOfHalfAnHourFirst",
                            kLordHowe,
                            "*/15 1 * * *",
                            {},
                            {},
                            "2018-04-01T01:15:00+11:00",
                            {"2018-04-01T01:15:00+11:00", "2018-04-01T01:30:00+11:00",
                             "2018-04-01T01:45:00+11:00", "2018-04-02T01:00:00+10:30"}},
                    DstCase{"ApiaLeavesOutAWholeDay",
                            "Pacific/Apia",
                            "0 12 * * *",
                            {},
                            {},
                            "2011-12-29T12:00:00-10:00",
                            {"2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00",
                             "2011-12-31T12:00:00+14:00"}}),
    kName);

TEST(DstWhyTest, SaysWhatClocksDo) {
  const auto why = [](const estate::ScheduleSpec& spec, const std::string& from) {
    return Fires(MakeSchedule({spec}), from, 1).at(0).why;
  };
  estate::ScheduleSpec midnight = CronSpec("0 0 * * *", kSaoPaulo);
  EXPECT_EQ(why(midnight, "2018-11-04T00:00:00-03:00"),
            "cron 0 0 * * * of America/Sao_Paulo; 00:00 does not exist on 2018-11-04 (clocks go "
            "forward), shifted to 01:00");
  EXPECT_EQ(why(midnight, "2018-11-05T00:00:00-02:00"), "cron 0 0 * * * of America/Sao_Paulo");
  midnight.gap = Gap::kSkip;
  EXPECT_THAT(why(midnight, "2018-11-04T00:00:00-03:00"),
              HasSubstr("; 00:00 does not exist on 2018-11-04 (clocks go forward), skipped"));
  estate::ScheduleSpec late = CronSpec("30 23 * * *", kSaoPaulo);
  EXPECT_THAT(why(late, "2019-02-16T12:00:00-02:00"),
              HasSubstr("; 23:30 comes twice on 2019-02-16 (clocks go back), this is the first"));
  late.overlap = Overlap::kLast;
  EXPECT_THAT(why(late, "2019-02-16T12:00:00-02:00"), HasSubstr("this is the second"));
}

}  // namespace
}  // namespace afluente::schedule
