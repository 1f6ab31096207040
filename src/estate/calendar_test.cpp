#include "estate/calendar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace afluente::estate {
namespace {

using testing::HasSubstr;

std::chrono::local_days Day(const std::string& text) { return ParseDay(text).value(); }

TEST(CalendarTest, EasterSundays) {
  // Of the U.S. Census Bureau's table of 1600-2099, the earliest and latest among them.
  for (const std::string easter :
       {"1818-03-22", "1943-04-25", "1954-04-18", "1961-04-02", "2000-04-23", "2008-03-23",
        "2019-04-21", "2024-03-31", "2025-04-20", "2026-04-05", "2038-04-25", "2049-04-18"}) {
    EXPECT_EQ(FormatDay(EasterSunday(std::chrono::year_month_day(Day(easter)).year())), easter);
  }
}

struct HolidayCase {
  std::string day;
  std::string national;
  std::string bank;
};

TEST(CalendarTest, HolidaysOfBrazil) {
  const std::vector<HolidayCase> rows = {
      {"2026-01-01", "Confraternização Universal", "Confraternização Universal"},
      {"2026-02-16", "", "Carnaval"},
      {"2026-02-17", "", "Carnaval"},
      {"2026-02-18", "", ""},
      {"2026-04-03", "Sexta-feira Santa", "Sexta-feira Santa"},
      {"2026-04-21", "Tiradentes", "Tiradentes"},
      {"2026-05-01", "Dia do Trabalho", "Dia do Trabalho"},
      {"2026-06-04", "", "Corpus Christi"},
      {"2026-09-07", "Independência", "Independência"},
      {"2026-10-12", "Nossa Senhora Aparecida", "Nossa Senhora Aparecida"},
      {"2026-11-02", "Finados", "Finados"},
      {"2026-11-15", "Proclamação da República", "Proclamação da República"},
      {"2026-11-20", "Consciência Negra", "Consciência Negra"},
      {"2023-11-20", "", ""},
      {"2026-12-25", "Natal", "Natal"},
      {"2026-12-24", "", ""}};
  for (const HolidayCase& row : rows) {
    EXPECT_EQ(HolidayOn("br-national", Day(row.day)), row.national) << row.day;
    EXPECT_EQ(HolidayOn("br-bank", Day(row.day)), row.bank) << row.day;
  }
  EXPECT_EQ(HolidayOn("school", Day("2026-12-25")), "");
}

TEST(CalendarTest, DaysAndRanges) {
  for (const std::string text :
       {"", "2026-2-1", "2026-02-29", "2026-13-01", "0000-01-01", "26-01-01", "2026/01/01",
        "2026-01-01T", "20a6-01-01", "-026-01-01"}) {
    EXPECT_EQ(ParseDay(text), std::nullopt) << text;
  }
  EXPECT_EQ(FormatDay(Day("2024-02-29")), "2024-02-29");
  const Result<DayRange> range = ParseDayRange("2026-07-01..2026-07-31");
  ASSERT_TRUE(range.ok());
  EXPECT_EQ(FormatDay(range.value().first), "2026-07-01");
  EXPECT_EQ(FormatDay(range.value().last), "2026-07-31");
  EXPECT_THAT(ParseDayRange("2026-07-31..2026-07-01").error().message(),
              HasSubstr("runs backwards; write 2026-07-01..2026-07-31"));
  EXPECT_THAT(ParseDayRange("2026-07-01..").error().message(), HasSubstr("\"\" is no day"));
}

TEST(CalendarTest, ExceptedDaysKnowWhy) {
  const std::map<std::string, Calendar> calendars = {
      {"school", {.days = {{Day("2026-07-01"), Day("2026-07-31")}}, .mark = {}}}};
  const Result<ExceptedDays> made =
      ExceptedDays::Make({"school", "br-national", "2026-12-24"}, calendars);
  ASSERT_TRUE(made.ok());
  const ExceptedDays& excepted = made.value();
  EXPECT_EQ(excepted.ReasonFor(Day("2026-07-01")), "school");
  EXPECT_EQ(excepted.ReasonFor(Day("2026-07-31")), "school");
  EXPECT_EQ(excepted.ReasonFor(Day("2026-08-01")), "");
  EXPECT_EQ(excepted.ReasonFor(Day("2026-12-24")), "except");
  EXPECT_EQ(excepted.ReasonFor(Day("2026-12-25")), "br-national: Natal");
  EXPECT_TRUE(excepted.Contains(Day("2026-07-15")));
  EXPECT_FALSE(excepted.Contains(Day("2026-06-30")));
  EXPECT_EQ(ExceptedDays::Make({"schools"}, calendars).error().kind(), ErrorKind::kNotFound);
}

}  // namespace
}  // namespace afluente::estate
