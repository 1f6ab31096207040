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
