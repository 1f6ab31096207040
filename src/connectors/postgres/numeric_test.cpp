#include "connectors/postgres/numeric.h"

#include <gtest/gtest.h>

#include <string>

#include "connectors/postgres/test_bytes.h"

namespace afluente::postgres {
namespace {

std::string Print(__int128 value) {
  const bool negative = value < 0;
  std::string digits;
  do {
    const int digit = static_cast<int>(value % 10);
    digits.insert(digits.begin(), static_cast<char>('0' + (digit < 0 ? -digit : digit)));
    value /= 10;
  } while (value != 0);
  return (negative ? "-" : "") + digits;
}

struct ExactCase {
  std::string name;
  std::string cell;
  int precision;
  int scale;
  std::string want;  // In units of 10^-scale.
};

std::ostream& operator<<(std::ostream& out, const ExactCase& row) { return out << row.want; }

class ExactNumericTest : public testing::TestWithParam<ExactCase> {};

TEST_P(ExactNumericTest, IsRead) {
  __int128 value = -1;
  EXPECT_EQ(ParseNumeric(GetParam().cell, GetParam().precision, GetParam().scale, value),
            NumericOutcome::kExact);
  EXPECT_EQ(Print(value), GetParam().want);
}

const std::vector<int> kNines38 = {99, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999};

INSTANTIATE_TEST_SUITE_P(
    Values, ExactNumericTest,
    testing::Values(
        ExactCase{"Zero", Numeric(0, kNumericPositive, {}), 12, 4, "0"},
        ExactCase{"ZeroWithScale", Numeric(0, kNumericPositive, {}, 4), 12, 4, "0"},
        ExactCase{"One", Numeric(0, kNumericPositive, {1}), 12, 0, "1"},
        // 12345.67 is 1 * 10000 + 2345 + 6700 / 10000.
        ExactCase{"Money", Numeric(1, kNumericPositive, {1, 2345, 6700}, 2), 12, 2, "1234567"},
        ExactCase{"MoneyAtScale4", Numeric(1, kNumericPositive, {1, 2345, 6700}, 2), 12, 4,
                  "123456700"},
        ExactCase{"MoneyAtScale3", Numeric(1, kNumericPositive, {1, 2345, 6700}, 2), 12, 3,
                  "12345670"},
        ExactCase{"Negative", Numeric(0, kNumericNegative, {42}), 4, 1, "-420"},
        ExactCase{"OneCent", Numeric(-1, kNumericPositive, {100}, 2), 3, 2, "1"},
        ExactCase{"TenThousandth", Numeric(-1, kNumericPositive, {1}, 4), 5, 5, "10"},
        ExactCase{"FarBehindThePoint", Numeric(-3, kNumericPositive, {1000}, 9), 20, 9, "1"},
        // Zero groups at the end are not sent: 3 * 10000^5.
        ExactCase{"Thirty1e20", Numeric(5, kNumericPositive, {3}), 38, 0, "300000000000000000000"},
        ExactCase{"ZeroGroupInside", Numeric(2, kNumericPositive, {1, 0, 1}), 38, 0, "100000001"},
        ExactCase{"ZerosPastTheScale", Numeric(0, kNumericPositive, {5, 0, 0}, 8), 4, 2, "500"},
        ExactCase{"Widest", Numeric(9, kNumericPositive, kNines38), 38, 0,
                  "99999999999999999999999999999999999999"},
        ExactCase{"WidestNegative", Numeric(9, kNumericNegative, kNines38), 38, 0,
                  "-99999999999999999999999999999999999999"},
        ExactCase{"Scale38",
                  Numeric(-1, kNumericPositive,
                          {9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9900}, 38),
                  38, 38, "99999999999999999999999999999999999999"},
        ExactCase{"TinyAtScale38", Numeric(-10, kNumericPositive, {100}, 38), 38, 38, "1"},
        ExactCase{"LargestOfPrecision4", Numeric(0, kNumericPositive, {9999}), 4, 0, "9999"}),
    [](const auto& row) { return row.param.name; });

struct RefusedCase {
  std::string name;
  std::string cell;
  int precision;
  int scale;
  NumericOutcome want;
};

std::ostream& operator<<(std::ostream& out, const RefusedCase& row) { return out << row.name; }

class RefusedNumericTest : public testing::TestWithParam<RefusedCase> {};

TEST_P(RefusedNumericTest, SaysWhy) {
  __int128 value = 0;
  EXPECT_EQ(ParseNumeric(GetParam().cell, GetParam().precision, GetParam().scale, value),
            GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    DigitsLost, RefusedNumericTest,
    testing::Values(RefusedCase{"OneDigitTooWide", Numeric(1, kNumericPositive, {1, 0}), 4, 0,
                                NumericOutcome::kDigitsLost},
                    RefusedCase{"TenTo38", Numeric(9, kNumericPositive, {100}), 38, 0,
                                NumericOutcome::kDigitsLost},
                    RefusedCase{"Past128Bits", Numeric(20, kNumericPositive, {1}), 38, 0,
                                NumericOutcome::kDigitsLost},
                    RefusedCase{"HugestWeight", Numeric(32'767, kNumericPositive, {1}), 38, 0,
                                NumericOutcome::kDigitsLost},
                    RefusedCase{"FractionCut", Numeric(0, kNumericPositive, {1, 2345}, 4), 12, 3,
                                NumericOutcome::kDigitsLost},
                    RefusedCase{"FractionDropped", Numeric(-2, kNumericPositive, {1}, 8), 12, 4,
                                NumericOutcome::kDigitsLost},
                    RefusedCase{"SmallestWeight", Numeric(-32'768, kNumericPositive, {1}), 38, 38,
                                NumericOutcome::kDigitsLost},
                    RefusedCase{"ScalePushesOut", Numeric(0, kNumericPositive, {10}), 3, 2,
                                NumericOutcome::kDigitsLost}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(NotFinite, RefusedNumericTest,
                         testing::Values(RefusedCase{"NaN", Numeric(0, kNumericNan, {}), 38, 0,
                                                     NumericOutcome::kNotFinite},
                                         RefusedCase{"Infinity", Numeric(0, kNumericInfinity, {}),
                                                     38, 0, NumericOutcome::kNotFinite},
                                         RefusedCase{"MinusInfinity",
                                                     Numeric(0, kNumericMinusInfinity, {}), 38, 0,
                                                     NumericOutcome::kNotFinite}),
                         [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Malformed, RefusedNumericTest,
    testing::Values(RefusedCase{"Empty", "", 38, 0, NumericOutcome::kMalformed},
                    RefusedCase{"HeaderCut", Numeric(0, kNumericPositive, {}).substr(0, 7), 38, 0,
                                NumericOutcome::kMalformed},
                    RefusedCase{"DigitsMissing", Numeric(0, kNumericPositive, {1, 2}).substr(0, 10),
                                38, 0, NumericOutcome::kMalformed},
                    RefusedCase{"BytesLeftOver", Numeric(0, kNumericPositive, {1}) + "x", 38, 0,
                                NumericOutcome::kMalformed},
                    RefusedCase{"MoreDigitsThanBytes", Int16(-1) + Int16(0) + Int16(0) + Int16(0),
                                38, 0, NumericOutcome::kMalformed},
                    RefusedCase{"DigitOver9999", Numeric(0, kNumericPositive, {10'000}), 38, 0,
                                NumericOutcome::kMalformed},
                    RefusedCase{"NoSuchSign", Numeric(0, 0x1234, {1}), 38, 0,
                                NumericOutcome::kMalformed}),
    [](const auto& row) { return row.param.name; });

class ExactNumericTextTest : public testing::TestWithParam<ExactCase> {};

TEST_P(ExactNumericTextTest, IsRead) {
  __int128 value = -1;
  EXPECT_EQ(ParseNumericText(GetParam().cell, GetParam().precision, GetParam().scale, value),
            NumericOutcome::kExact);
  EXPECT_EQ(Print(value), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Numbers, ExactNumericTextTest,
    testing::Values(ExactCase{"Zero", "0", 4, 0, "0"}, ExactCase{"ZeroOfScale", "0.00", 4, 2, "0"},
                    ExactCase{"Negative", "-0.01", 4, 2, "-1"},
                    ExactCase{"ScaleFilledUp", "1", 10, 4, "10000"},
                    ExactCase{"ZerosBeyondTheScale", "1.500", 4, 1, "15"},
                    ExactCase{"LeadingZeros", "000012", 2, 0, "12"},
                    ExactCase{"OnlyFraction", "0.9999", 4, 4, "9999"},
                    ExactCase{"Steps", "1234567890123456789.0123456789", 38, 10,
                              "12345678901234567890123456789"},
                    ExactCase{"Largest", std::string(38, '9'), 38, 0, std::string(38, '9')},
                    ExactCase{"Smallest", "-0." + std::string(38, '9'), 38, 38,
                              "-" + std::string(38, '9')}),
    [](const auto& row) { return row.param.name; });

TEST(NumericTextTest, OtherOutcomes) {
  const auto outcome = [](const std::string& text, int precision, int scale) {
    __int128 value = 0;
    return ParseNumericText(text, precision, scale, value);
  };
  for (const std::string text : {"NaN", "Infinity", "-Infinity"}) {
    EXPECT_EQ(outcome(text, 4, 2), NumericOutcome::kNotFinite) << text;
  }
  for (const std::string text : {"0.001", "100", "-100.00", "99.991"}) {
    EXPECT_EQ(outcome(text, 4, 2), NumericOutcome::kDigitsLost) << text;
  }
  EXPECT_EQ(outcome("1" + std::string(38, '0'), 38, 0), NumericOutcome::kDigitsLost);
  EXPECT_EQ(outcome("1" + std::string(200'000, '0'), 38, 0), NumericOutcome::kDigitsLost);
  for (const std::string text :
       {"", "-", ".", "1.", ".5", "-.5", "+1", "--1", "1e5", "1 ", " 1", "1.-5", "nan", "-NaN"}) {
    EXPECT_EQ(outcome(text, 4, 2), NumericOutcome::kMalformed) << text;
  }
}

}  // namespace
}  // namespace afluente::postgres
