#include "cli/units.h"

#include <gtest/gtest.h>

#include <limits>

namespace afluente::cli {
namespace {

TEST(UnitsTest, CountsHaveThousandsSeparators) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(3'000'000), "3,000,000");
  EXPECT_EQ(FormatCount(std::numeric_limits<std::uint64_t>::max()), "18,446,744,073,709,551,615");
}

TEST(UnitsTest, MegabytesAreMillions) {
  EXPECT_EQ(FormatMegabytes(0), "0.0");
  EXPECT_EQ(FormatMegabytes(993'100'000), "993.1");
  EXPECT_EQ(FormatMegabytes(49'000), "0.0");
}

TEST(UnitsTest, SpansHaveTheirTwoLargestUnits) {
  using namespace std::chrono_literals;
  EXPECT_EQ(FormatSpan(0us), "0 s");
  EXPECT_EQ(FormatSpan(1us), "1 ms");
  EXPECT_EQ(FormatSpan(850ms), "850 ms");
  EXPECT_EQ(FormatSpan(42'900ms), "42 s");
  EXPECT_EQ(FormatSpan(60s), "1 min");
  EXPECT_EQ(FormatSpan(272s), "4 min 32 s");
  EXPECT_EQ(FormatSpan(12min + 30s), "12 min");
  EXPECT_EQ(FormatSpan(2h), "2 h");
  EXPECT_EQ(FormatSpan(27h + 5min), "27 h 5 min");
  EXPECT_EQ(FormatSpan(52h + 5min), "2 d 4 h");
}

TEST(UnitsTest, SecondsLoseDigitsAsTheyGrow) {
  EXPECT_EQ(FormatSeconds(0), "0.00 s");
  EXPECT_EQ(FormatSeconds(0.084), "0.08 s");
  EXPECT_EQ(FormatSeconds(12.34), "12.3 s");
  EXPECT_EQ(FormatSeconds(119.9), "119.9 s");
  EXPECT_EQ(FormatSeconds(120), "2 min 00 s");
  EXPECT_EQ(FormatSeconds(200.9), "3 min 20 s");
  EXPECT_EQ(FormatSeconds(7265), "121 min 05 s");
}

}  // namespace
}  // namespace afluente::cli
