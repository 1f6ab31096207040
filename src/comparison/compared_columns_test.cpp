#include "comparison/compared_columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/sha.h>

#include "data/test_duckdb.h"

namespace afluente::comparison {
namespace {

using testing::HasSubstr;

std::string Bytes(const std::string& bytea_hex) {
  EXPECT_TRUE(bytea_hex.starts_with("\\x"));
  std::string bytes;
  for (std::size_t i = 2; i + 1 < bytea_hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(bytea_hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

std::string Sha256(const std::string& text) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::string ToHex(const std::string& bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string hex;
  for (const char byte : bytes) {
    hex += kDigits[static_cast<unsigned char>(byte) >> 4U];
    hex += kDigits[static_cast<unsigned char>(byte) & 0xfU];
  }
  return hex;
}

struct HmacCase {
  std::string name;
  std::string key;
  std::string data;
  std::string want;
};

std::ostream& operator<<(std::ostream& out, const HmacCase& row) { return out << row.name; }

class HashPadsTest : public testing::TestWithParam<HmacCase> {};

// The same sum as PostgreSQL does with them: the hash must be the warehouse's.
TEST_P(HashPadsTest, MakeHmacSha256) {
  const HashPads pads = MakeHashPads(GetParam().key);
  EXPECT_EQ(ToHex(Sha256(Bytes(pads.outer_hex) + Sha256(Bytes(pads.inner_hex) + GetParam().data))),
            GetParam().want);
}

// Source: RFC 4231, test cases 1, 2 and 6.
INSTANTIATE_TEST_SUITE_P(
    Rfc4231, HashPadsTest,
    testing::Values(HmacCase{"Case1", std::string(20, '\x0b'), "Hi There",
                             "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
                    HmacCase{"Case2", "Jefe", "what do ya want for nothing?",
                             "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
                    HmacCase{"Case6", std::string(131, '\xaa'),
                             "Test Using Larger Than Block-Size Key - Hash Key First",
                             "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"}),
    [](const auto& row) { return row.param.name; });

class CompareColumnsTest : public testing::Test {
 protected:
  CompareColumnsTest() {
    source_.schema = {{"id", {data::Kind::kInt64, 0, 0, nullptr}, false},
                      {"urn", {data::Kind::kText, 0, 0, nullptr}, true},
                      {"paid_at", {data::Kind::kTimestamp, 0, 0, nullptr}, true}};
    source_.cast_to_text = {false, false, false};
  }

  ComparedColumns Compare(const std::vector<duck::TableColumn>& destination) {
    auto compared = CompareColumns(integration_, source_, destination, duckdb_.connection());
    EXPECT_TRUE(compared.ok());
    return std::move(compared).value();
  }

  data::TestDuckdb duckdb_;
  estate::Integration integration_;
  postgres::SelectedColumns source_;
};

TEST_F(CompareColumnsTest, SameTypesAreComparedByValue) {
  const auto compared = Compare({{"id", "BIGINT"}, {"urn", "VARCHAR"}, {"paid_at", "TIMESTAMP"}});
  for (const ComparedColumn& column : compared.columns) {
    EXPECT_EQ(column.comparison, Comparison::kValue) << column.name;
    EXPECT_EQ(column.why, "") << column.name;
  }
  EXPECT_TRUE(compared.rows_match);
  EXPECT_FALSE(compared.uses_hash);
}

TEST_F(CompareColumnsTest, FollowsRenamesAndMasks) {
  integration_.columns["urn"].rename = "phone";
  integration_.columns["urn"].mask = estate::Mask::kHash;
  integration_.columns["paid_at"].mask = estate::Mask::kRedact;
  const auto compared = Compare({{"phone", "VARCHAR"}, {"paid_at", "VARCHAR"}});
  EXPECT_EQ(compared.columns[0].comparison, Comparison::kValue);
  EXPECT_THAT(compared.columns[0].source_sql, HasSubstr("\"urn\"::text"));
  EXPECT_TRUE(compared.uses_hash);
  EXPECT_EQ(compared.columns[1].comparison, Comparison::kNulls);
}

TEST_F(CompareColumnsTest, AnotherTypeIsComparedByItsNulls) {
  const auto compared = Compare({{"id", "DECIMAL(38,0)"}});
  EXPECT_EQ(compared.columns[0].comparison, Comparison::kNulls);
  EXPECT_EQ(compared.columns[0].why, "DECIMAL(38,0) in the destination, BIGINT at the source");
}

TEST_F(CompareColumnsTest, AColumnThatIsGoneIsNotCompared) {
  const auto compared = Compare({{"old_plan", "INTEGER"}});
  EXPECT_EQ(compared.columns[0].comparison, Comparison::kNone);
  EXPECT_THAT(compared.columns[0].why, HasSubstr("not at the source"));
}

struct ShapeCase {
  std::string name;
  std::string transform;
  bool id_is_compared;  // By value.
  bool rows_match;
};

std::ostream& operator<<(std::ostream& out, const ShapeCase& row) { return out << row.transform; }

class TransformShapeTest : public CompareColumnsTest,
                           public testing::WithParamInterface<ShapeCase> {};

TEST_P(TransformShapeTest, DecidesWhatIsCompared) {
  integration_.transform = GetParam().transform;
  const auto compared = Compare({{"id", "BIGINT"}});
  EXPECT_EQ(compared.columns[0].comparison == Comparison::kValue, GetParam().id_is_compared);
  EXPECT_EQ(compared.rows_match, GetParam().rows_match);
}

INSTANTIATE_TEST_SUITE_P(
    Transforms, TransformShapeTest,
    testing::Values(
        ShapeCase{"Star", "SELECT * FROM batch", true, true},
        ShapeCase{"Columns", "SELECT id, upper(urn) AS urn FROM batch", true, true},
        ShapeCase{"Computed", "SELECT id + 1 AS id FROM batch", false, true},
        ShapeCase{"StarThatReplaces", "SELECT * REPLACE (id + 1 AS id) FROM batch", false, true},
        ShapeCase{"ComputedBesideAStar", "SELECT * EXCLUDE (id), id + 1 AS id FROM batch", false,
                  true},
        ShapeCase{"AnotherColumnsName", "SELECT * EXCLUDE (id), urn AS id FROM batch", false, true},
        ShapeCase{"Where", "SELECT id FROM batch WHERE id > 1", false, false},
        ShapeCase{"WhereInACte", "WITH x AS (FROM batch WHERE id > 1) SELECT id FROM x", false,
                  false},
        ShapeCase{"Unnest", "SELECT id, unnest([1, 2]) AS n FROM batch", false, false},
        ShapeCase{"NestedUnnest", "SELECT id, unnest([1, 2]) + 1 AS n FROM batch", false, false},
        ShapeCase{"Join", "SELECT batch.id FROM batch, range(2)", false, false}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace afluente::comparison
