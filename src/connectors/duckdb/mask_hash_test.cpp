#include "connectors/duckdb/mask_hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/names.h"
#include "data/test_duckdb.h"
#include "pipeline/shaping.h"

namespace afluente::duck {
namespace {

using testing::ElementsAre;

std::string Hash(const std::string& text) {
  return std::string("SELECT ") + pipeline::kMaskHashFunction + "(" + text + ")";
}

struct HmacCase {
  std::string name;
  std::string key;
  std::string data;
  std::string want;
};

std::ostream& operator<<(std::ostream& out, const HmacCase& row) { return out << row.name; }

class MaskHashTest : public testing::TestWithParam<HmacCase> {};

TEST_P(MaskHashTest, IsHmacSha256) {
  const data::TestDuckdb duckdb;
  ASSERT_TRUE(RegisterMaskHash(duckdb.connection(), GetParam().key).ok());
  EXPECT_THAT(duckdb.Rows(Hash(QuoteLiteral(GetParam().data))), ElementsAre(GetParam().want));
}

// Source: RFC 4231, test cases 1, 2, 6 and 7 (those whose data is text).
INSTANTIATE_TEST_SUITE_P(
    Rfc4231, MaskHashTest,
    testing::Values(
        HmacCase{"Case1", std::string(20, '\x0b'), "Hi There",
                 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        HmacCase{"Case2", "Jefe", "what do ya want for nothing?",
                 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        HmacCase{"Case6", std::string(131, '\xaa'),
                 "Test Using Larger Than Block-Size Key - Hash Key First",
                 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        HmacCase{"Case7", std::string(131, '\xaa'),
                 "This is a test using a larger than block-size key and a larger than block-size "
                 "data. The key needs to be hashed before being used by the HMAC algorithm.",
                 "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"}),
    [](const auto& row) { return row.param.name; });

TEST(MaskHashNullTest, NullStaysNull) {
  const data::TestDuckdb duckdb;
  ASSERT_TRUE(RegisterMaskHash(duckdb.connection(), "Jefe").ok());
  EXPECT_THAT(duckdb.Rows(Hash("NULL")), ElementsAre("NULL"));
}

// Constant, dictionary and flat vectors reach the function alike.
TEST(MaskHashNullTest, HashesEveryRowOfAVector) {
  const data::TestDuckdb duckdb;
  ASSERT_TRUE(RegisterMaskHash(duckdb.connection(), "Jefe").ok());
  const std::string hash = pipeline::kMaskHashFunction;
  EXPECT_THAT(duckdb.Rows("SELECT count(*), count(h), count(DISTINCT h), min(length(h)) FROM "
                          "(SELECT " +
                          hash +
                          "(CASE WHEN i % 3 = 0 THEN NULL ELSE "
                          "(i % 7)::VARCHAR END) AS h FROM range(6000) t(i))"),
              ElementsAre("6000|4000|7|64"));
  EXPECT_THAT(duckdb.Rows("SELECT count(DISTINCT " + hash + "('x')) FROM range(5000) t(i)"),
              ElementsAre("1"));
}

TEST(MaskHashNullTest, WithoutASaltItFails) {
  const data::TestDuckdb duckdb;
  ASSERT_TRUE(RegisterMaskHash(duckdb.connection(), "").ok());
  const auto failed = data::QueryCells(duckdb.connection(), Hash("'x'"));
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message(), testing::HasSubstr("mask_salt"));
}

}  // namespace
}  // namespace afluente::duck
