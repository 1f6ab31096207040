#include "connectors/postgres/replication/lsn.h"

#include <gtest/gtest.h>

namespace afluente::postgres {
namespace {

struct LsnCase {
  std::string name;
  std::string text;
  std::optional<std::uint64_t> want;
};

class LsnTest : public testing::TestWithParam<LsnCase> {};

TEST_P(LsnTest, Parses) {
  const auto lsn = ParseLsn(GetParam().text);
  ASSERT_EQ(lsn.has_value(), GetParam().want.has_value());
  if (!lsn) return;
  EXPECT_EQ(lsn->value, *GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Postgres, LsnTest,
    testing::Values(LsnCase{"Zero", "0/0", 0}, LsnCase{"Usual", "16/B374D848", 0x16B374D848ULL},
                    LsnCase{"LowerCase", "16/b374d848", 0x16B374D848ULL},
                    LsnCase{"Largest", "FFFFFFFF/FFFFFFFF", ~std::uint64_t{0}},
                    LsnCase{"LeadingZeros", "00000001/00000002", 0x100000002ULL},
                    LsnCase{"Empty", "", {}}, LsnCase{"NoSlash", "16B374D848", {}},
                    LsnCase{"NoHigh", "/1", {}}, LsnCase{"NoLow", "1/", {}},
                    LsnCase{"TooLong", "1/100000000", {}}, LsnCase{"NotHex", "1/G", {}},
                    LsnCase{"Sign", "1/-1", {}}, LsnCase{"Blank", "1/ 1", {}},
                    LsnCase{"TwoSlashes", "1/2/3", {}}, LsnCase{"Prefix", "0x1/2", {}}),
    [](const auto& row) { return row.param.name; });

TEST(LsnTest, PrintsAsPostgresDoes) {
  EXPECT_EQ(Lsn{}.ToString(), "0/0");
  EXPECT_EQ(Lsn{0x16B374D848ULL}.ToString(), "16/B374D848");
  EXPECT_EQ(Lsn{~std::uint64_t{0}}.ToString(), "FFFFFFFF/FFFFFFFF");
  EXPECT_EQ(Lsn{0x100000000ULL}.ToString(), "1/0");
}

TEST(LsnTest, IsOrderedByPlaceAndNotByText) {
  EXPECT_LT(*ParseLsn("9/FFFFFFFF"), *ParseLsn("10/0"));
  EXPECT_LT(*ParseLsn("1/9"), *ParseLsn("1/10"));
}

TEST(LsnOrderTest, TheSortableTextIsTheSamePlace) {
  EXPECT_EQ(Lsn{0x16B374D848ULL}.ToSortableString(), "00000016/B374D848");
  EXPECT_EQ(ParseLsn("00000016/B374D848"), Lsn{0x16B374D848ULL});
  EXPECT_LT(Lsn{0xFFFFFFFFULL}.ToSortableString(), Lsn{0x100000000ULL}.ToSortableString());
}

}  // namespace
}  // namespace afluente::postgres
