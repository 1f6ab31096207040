#include "connectors/duckdb/row_hash.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "connectors/duckdb/row_text.h"
#include "connectors/duckdb/test_warehouse.h"

namespace afluente::duck {
namespace {

using testing::ElementsAre;

std::string Hex(const duckdb_uhugeint& hash) {
  std::string hex;
  for (const std::uint64_t word : {hash.lower, hash.upper}) {
    for (int i = 0; i < 8; ++i) hex += fmt::format("{:02x}", (word >> (8 * i)) & 0xffU);
  }
  return hex;
}

// Source: the reference implementation, vectors.h, vectors_sip128.
TEST(RowHashTest, IsSipHash128) {
  EXPECT_EQ(Hex(RowHash("")), "a3817f04ba25a8e66df67214c7550293");
  EXPECT_EQ(Hex(RowHash(std::string(1, '\0'))), "da87c1d86b99af44347659119b22fc45");
}

TEST(RowHashTest, EveryLengthAndEveryByteCounts) {
  std::set<std::string> seen;
  std::string text;
  for (int length = 0; length < 70; ++length, text += 'a') {
    EXPECT_TRUE(seen.insert(Hex(RowHash(text))).second) << length;
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::string other = text;
      other[i] = 'b';
      EXPECT_TRUE(seen.insert(Hex(RowHash(other))).second) << length << " " << i;
    }
  }
}

class RowTextTest : public testing::Test {
 protected:
  /// The texts of both rows of "VALUES (a), (b)" whose column v has `type`.
  std::vector<std::string> Texts(const std::string& type, const std::string& a,
                                 const std::string& b) {
    return warehouse_.Rows(fmt::format("SELECT {} FROM (VALUES ({}::{}), ({}::{})) AS t(v)",
                                       RowText("", {{"v", type}}), a, type, b, type));
  }
  void ExpectDifferent(const std::string& type, const std::string& a, const std::string& b) {
    const auto texts = Texts(type, a, b);
    ASSERT_EQ(texts.size(), 2U) << type << " " << a << " " << testing::PrintToString(texts);
    EXPECT_NE(texts[0], texts[1]) << type << " " << a << " " << b;
  }
  TestWarehouse warehouse_;
};

TEST_F(RowTextTest, ValuesThatDuckdbHoldsToBeEqualDiffer) {
  ExpectDifferent("DOUBLE", "0.0", "'-0.0'");
  ExpectDifferent("INTERVAL", "'1 month'", "'30 days'");
  ExpectDifferent("INTERVAL", "'1 day'", "'24 hours'");
  ExpectDifferent("TIME WITH TIME ZONE", "'10:00:00+00'", "'11:00:00+01'");
}

TEST_F(RowTextTest, NothingPrintsAsNull) {
  for (const char* type : {"VARCHAR", "BLOB"}) ExpectDifferent(type, "NULL", "''");
  ExpectDifferent("VARCHAR", "NULL", "'NULL'");
  ExpectDifferent("VARCHAR[]", "NULL", "[]");
  ExpectDifferent("VARCHAR[]", "[]", "[NULL]");
  ExpectDifferent("VARCHAR[]", "[NULL]", "['']");
  ExpectDifferent("INTEGER[]", "[NULL, 1]", "[1, NULL]");
}

TEST_F(RowTextTest, InfinitiesAreApart) {
  for (const char* type : {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE"}) {
    ExpectDifferent(type, "'infinity'", "'-infinity'");
    ExpectDifferent(type, "'infinity'", "NULL");
  }
}

TEST_F(RowTextTest, ListsKeepTheirShape) {
  ExpectDifferent("VARCHAR[]", "['a', 'b']", "['a;b']");
  ExpectDifferent("VARCHAR[]", "['1:a']", "['a']");
  ExpectDifferent("INTEGER[][]", "[[1], [2, 3]]", "[[1, 2], [3]]");
  ExpectDifferent("INTEGER[][]", "[[]]", "[]");
}

// Where one column ends and the next begins is part of the text.
TEST_F(RowTextTest, ColumnsDoNotFlowTogether) {
  const std::string text = RowText("", {{"a", "VARCHAR"}, {"b", "VARCHAR"}, {"c", "INTEGER"}});
  EXPECT_THAT(warehouse_.Rows("SELECT count(DISTINCT " + text +
                              ") FROM (VALUES ('a', 'b', 1), ('ab', '', 1), ('', 'ab', 1), "
                              "('a', '1:b', NULL), ('a1', 'b', 11), (NULL, 'b', 1), "
                              "('a', NULL, 1)) AS t(a, b, c)"),
              ElementsAre("7"));
}

TEST_F(RowTextTest, TheFunctionHashesEveryRow) {
  EXPECT_THAT(warehouse_.Rows(fmt::format("SELECT count(DISTINCT {0}(i::VARCHAR)), {0}(NULL) FROM "
                                          "range(10000) AS t(i)",
                                          kRowHashFunction)),
              ElementsAre("10000|NULL"));
}

}  // namespace
}  // namespace afluente::duck
