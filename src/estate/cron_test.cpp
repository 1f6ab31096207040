#include "estate/cron.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace afluente::estate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

struct CronCase {
  std::string name;
  std::string cron;
  std::string want;  // In the problem; "": there is none.
};

std::ostream& operator<<(std::ostream& out, const CronCase& row) { return out << row.cron; }

class CronTest : public testing::TestWithParam<CronCase> {};

TEST_P(CronTest, NamesTheProblem) {
  const std::string problem = CronProblem(GetParam().cron);
  if (GetParam().want.empty()) {
    EXPECT_EQ(problem, "");
  } else {
    EXPECT_THAT(problem, HasSubstr(GetParam().want));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Sound, CronTest,
    testing::Values(CronCase{"Daily", "0 22 * * *", ""}, CronCase{"Blanks", " 0\t22 *  * * ", ""},
                    CronCase{"Names", "0 6 * JAN,mar-may Mon-Fri", ""},
                    CronCase{"Steps", "*/15 8-18/2 * * *", ""},
                    CronCase{"SundayIsSeven", "0 0 * * 7", ""},
                    CronCase{"ToSeven", "0 0 * * 5-7", ""}, CronCase{"LastDay", "0 0 L * *", ""},
                    CronCase{"LastFriday", "0 0 * * 5L", ""},
                    CronCase{"LastFridayByName", "0 0 * * friL", ""},
                    CronCase{"SecondFriday", "0 0 * * 5#2", ""}, CronCase{"Hourly", "@hourly", ""},
                    CronCase{"Yearly", "@yearly", ""}, CronCase{"LeapDay", "0 0 29 2 *", ""},
                    CronCase{"ImpossibleDayOrMonday", "0 0 30 2 mon", ""}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Wrong, CronTest,
    testing::Values(
        CronCase{"Empty", "", "it has 0 fields instead of 5"},
        CronCase{"Four", "0 22 * *", "it has 4 fields instead of 5"},
        CronCase{"Seconds", "0 0 22 * * *", "it has 6 fields instead of 5"},
        CronCase{"Minute", "60 * * * *", "minute: 60 is outside 0-59"},
        CronCase{"Hour", "0 24 * * *", "hour: 24 is outside 0-23"},
        CronCase{"DayOfMonth", "0 0 0 * *", "day of month: 0 is outside 1-31"},
        CronCase{"Month", "0 0 * 13 *", "month: 13 is outside 1-12 or jan-dec"},
        CronCase{"DayOfWeek", "0 0 * * 8", "day of week: 8 is outside 0-7 or sun-sat"},
        CronCase{"Name", "0 0 * * monday", "day of week: \"monday\" is not a value"},
        CronCase{"NameInHour", "0 noon * * *", "hour: \"noon\" is not a value"},
        CronCase{"Negative", "-1 * * * *", "minute: \"-1\" is not a value"},
        CronCase{"Huge", "99999999999999999999 * * * *", "minute: "},
        CronCase{"Backwards", "0 18-8 * * *", "hour: the range \"18-8\" runs backwards"},
        CronCase{"HalfRange", "0 8- * * *", "hour: a value is missing"},
        CronCase{"StepZero", "*/0 * * * *", "minute: the step after / must be a number from 1"},
        CronCase{"StepEmpty", "*/ * * * *", "minute: the step after / must be a number from 1"},
        CronCase{"StepTooFar", "*/60 * * * *", "minute: a step of 60 leaves 0-59 at once"},
        CronCase{"StepOfOne", "5/15 * * * *", "minute: a step needs a range: write 5-59/15"},
        CronCase{"EmptyElement", "1,,2 * * * *", "minute: an element of the list is empty"},
        CronCase{"Question", "0 0 ? * 1", "day of month: \"?\" is not known here; write *"},
        CronCase{"LastInHour", "0 L * * *", "hour: \"L\" is not a value"},
        CronCase{"SixthFriday", "0 0 * * 5#6", "day of week: after # stands which one"},
        CronCase{"NoWeekday", "0 0 * * #2", "day of week: a value is missing"},
        CronCase{"Shorthand", "@dayly", "(did you mean \"@daily\"?)"},
        CronCase{"Reboot", "@reboot", "the shorthands are @yearly"},
        CronCase{"Never", "0 0 30 2 *", "it never fires"},
        CronCase{"NeverInSome", "0 0 31 apr,jun *", "it never fires"}),
    [](const auto& row) { return row.param.name; });

std::vector<unsigned> DaysOf(const std::string& cron, std::chrono::year_month month) {
  const std::uint32_t set = ParseCron(cron).value().DaysOf(month);
  std::vector<unsigned> days;
  for (unsigned day = 0; day < 32; ++day) {
    if ((set >> day & 1U) != 0) days.push_back(day);
  }
  return days;
}

TEST(CronDaysTest, OfAMonth) {
  using std::chrono::February;
  constexpr std::chrono::year_month kMonth = std::chrono::year(2026) / February;  // From a Sunday.
  constexpr std::chrono::year_month kLeap = std::chrono::year(2024) / February;
  EXPECT_THAT(DaysOf("0 0 * * *", kMonth), SizeIs(28));
  EXPECT_THAT(DaysOf("0 0 28-31 * *", kLeap), ElementsAre(28U, 29U));
  EXPECT_THAT(DaysOf("0 0 L,1 * *", kMonth), ElementsAre(1U, 28U));
  EXPECT_THAT(DaysOf("0 0 * * 0", kMonth), ElementsAre(1U, 8U, 15U, 22U));
  EXPECT_THAT(DaysOf("0 0 * * 7", kMonth), ElementsAre(1U, 8U, 15U, 22U));
  EXPECT_THAT(DaysOf("0 0 * * sat#1,satL", kMonth), ElementsAre(7U, 28U));
  EXPECT_THAT(DaysOf("0 0 * * 4#5", kLeap), ElementsAre(29U));
  EXPECT_THAT(DaysOf("0 0 * * 4#5", kMonth), ElementsAre());
  EXPECT_THAT(DaysOf("0 0 2 * sun", kMonth), ElementsAre(1U, 2U, 8U, 15U, 22U));
}

TEST(CronDaysTest, TellsRhythmsFromTimesOfDay) {
  for (const std::string cron :
       {"* * * * *", "*/15 * * * *", "0 */2 * * *", "0 0-23 * * *", "@hourly", "0 3,* * * *"}) {
    EXPECT_TRUE(ParseCron(cron).value().every_hour) << cron;
  }
  for (const std::string cron : {"0 0 * * *", "*/15 2 * * *", "0 0-22/2 * * *", "@daily"}) {
    EXPECT_FALSE(ParseCron(cron).value().every_hour) << cron;
  }
}

TEST(ZoneTest, AcceptsTheDatabasesNamesOnly) {
  EXPECT_EQ(ZoneProblem("America/Sao_Paulo"), "");
  EXPECT_EQ(ZoneProblem("UTC"), "");
  EXPECT_EQ(ZoneProblem("Etc/GMT+3"), "");
  for (const std::string zone : {"", "America", "Brasilia", "../passwd", "/etc/localtime",
                                 "America/Sao_Paulo/x", "tzdata.zi", "localtime"}) {
    EXPECT_THAT(ZoneProblem(zone), HasSubstr("no such zone")) << zone;
  }
  EXPECT_THAT(ZoneProblem("america/sao_paulo"), HasSubstr("(did you mean \"America/Sao_Paulo\"?)"));
}

}  // namespace
}  // namespace afluente::estate
