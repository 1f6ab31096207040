#include "base/clock.h"

#include <gtest/gtest.h>

#include <string>

namespace afluente {
namespace {

using std::chrono::microseconds;

struct FormatCase {
  std::string name;
  std::int64_t micros;  // Since 1970.
  std::string want;
};

std::ostream& operator<<(std::ostream& out, const FormatCase& row) { return out << row.micros; }

class FormatRfc3339Test : public testing::TestWithParam<FormatCase> {};

TEST_P(FormatRfc3339Test, Prints) {
  EXPECT_EQ(FormatRfc3339(WallTime(microseconds(GetParam().micros))), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Times, FormatRfc3339Test,
    testing::Values(
        FormatCase{"Epoch", 0, "1970-01-01T00:00:00.000000+00:00"},
        FormatCase{"OneMicrosecond", 1, "1970-01-01T00:00:00.000001+00:00"},
        FormatCase{"LeapDay", 1'709'164'800'000'000, "2024-02-29T00:00:00.000000+00:00"},
        FormatCase{"LastMicrosecond", 1'767'225'599'999'999, "2025-12-31T23:59:59.999999+00:00"},
        FormatCase{"BeforeTheEpoch", -1, "1969-12-31T23:59:59.999999+00:00"}),
    [](const auto& row) { return row.param.name; });

TEST(SystemClockTest, MonotonicTimeDoesNotGoBack) {
  const auto before = SystemClock().Monotonic();
  EXPECT_GE(SystemClock().Monotonic(), before);
}

}  // namespace
}  // namespace afluente
