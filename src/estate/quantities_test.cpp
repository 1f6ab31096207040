#include "estate/quantities.h"

#include <gtest/gtest.h>

namespace afluente::estate {
namespace {

constexpr std::int64_t kTiB = 1LL << 40;

TEST(SizeTest, UnitsArePowersOf1024) {
  EXPECT_EQ(ParseSize("1kB"), 1024);
  EXPECT_EQ(ParseSize("64MB"), 64LL << 20);
  EXPECT_EQ(ParseSize("10GB"), 10LL << 30);
  EXPECT_EQ(ParseSize("8388607TB"), 8388607 * kTiB);
}

TEST(SizeTest, RefusesWhatIsNoSize) {
  for (const char* text : {"", "GB", "10", "10gb", "10 GB", "1.5GB", "-1GB", "0MB", "10GBs", "10KB",
                           "8388608TB", "99999999999999999999MB"}) {
    EXPECT_EQ(ParseSize(text), std::nullopt) << text;
  }
}

TEST(SizeTest, FormatsInTheLargestUnitThatFits) {
  EXPECT_EQ(FormatSize(0), "0 B");
  EXPECT_EQ(FormatSize(1023), "1023 B");
  EXPECT_EQ(FormatSize(1024), "1 kB");
  EXPECT_EQ(FormatSize(10LL << 30), "10 GB");
  EXPECT_EQ(FormatSize((10LL << 30) + (205LL << 20)), "10.2 GB");
  EXPECT_EQ(FormatSize(2000 * kTiB), "2000 TB");
}

TEST(DurationTest, ReadsUnitsAndRefusesTheRest) {
  using std::chrono::milliseconds;
  EXPECT_EQ(ParseDuration("500ms"), milliseconds(500));
  EXPECT_EQ(ParseDuration("2h"), milliseconds(7'200'000));
  for (const char* text : {"", "5", "-5s", "5 s", "4000d", "1.5h"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(DurationTest, FormatsInTheLargestUnitThatDivides) {
  using namespace std::chrono_literals;
  EXPECT_EQ(FormatDuration(0ms), "0ms");
  EXPECT_EQ(FormatDuration(1500ms), "1500ms");
  EXPECT_EQ(FormatDuration(90s), "90s");
  EXPECT_EQ(FormatDuration(15min), "15m");
  EXPECT_EQ(FormatDuration(36h), "36h");
  EXPECT_EQ(FormatDuration(48h), "2d");
}

TEST(TimeTest, ReadsRfc3339AndRefusesTheRest) {
  EXPECT_EQ(FormatRfc3339(ParseTime("2018-11-04T00:30:15-03:00").value()),
            "2018-11-04T03:30:15.000000+00:00");
  EXPECT_EQ(ParseTime("2018-11-04T00:00-03:00"), ParseTime("2018-11-04 03:00Z"));
  EXPECT_EQ(ParseTime("2018-10-07T02:30+11:00"), ParseTime("2018-10-06T15:30:00Z"));
  for (const char* text :
       {"", "2018-11-04", "2018-11-04T00:00", "2018-11-04T00:00:00", "2018-11-31T00:00Z",
        "2018-11-04T24:00Z", "2018-11-04T00:60Z", "2018-11-04T00:00:60Z", "2018-11-04T00:00z",
        "2018-11-04T00:00:00.5Z", "2018-11-04T00:00+3:00", "2018-11-04T00:00-0300", "now"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace afluente::estate
