#include "estate/sql_pieces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace afluente::estate {
namespace {

struct NamesCase {
  std::string name;
  std::string sql;
  std::string want;
};

std::ostream& operator<<(std::ostream& out, const NamesCase& row) { return out << row.sql; }

class QuotedNamesTest : public testing::TestWithParam<NamesCase> {};

TEST_P(QuotedNamesTest, BecomeDoubleQuoted) {
  EXPECT_EQ(WithQuotedNames(GetParam().sql).text, GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Sql, QuotedNamesTest,
    testing::Values(
        NamesCase{"Nothing", "", ""},
        NamesCase{"Backquoted", "SELECT `a b` FROM t", "SELECT \"a b\" FROM t"},
        NamesCase{"Path", "FROM `my-p.d.t`", "FROM \"my-p\".\"d\".\"t\""},
        NamesCase{"PathOfParts", "FROM `my-p`.d.`t`", "FROM \"my-p\".d.\"t\""},
        NamesCase{"DashesBehindFrom", "select * from my-p-1.d.t as x",
                  "select * from \"my-p-1\".\"d\".\"t\" as x"},
        NamesCase{"DashesBehindJoin", "FROM a.b.c\nJOIN\n my-p.d.t USING (id)",
                  "FROM a.b.c\nJOIN\n \"my-p\".\"d\".\"t\" USING (id)"},
        NamesCase{"CommentBetween", "FROM /* x */ my-p.d.t", "FROM /* x */ \"my-p\".\"d\".\"t\""},
        NamesCase{"Subtraction", "SELECT a-b.c.d FROM x.y.z", "SELECT a-b.c.d FROM x.y.z"},
        NamesCase{"SubtractionBehindSubquery", "FROM (SELECT a-b.c.d)", "FROM (SELECT a-b.c.d)"},
        NamesCase{"ExtractFrom", "SELECT extract(year FROM a-b) FROM x.y.z",
                  "SELECT extract(year FROM a-b) FROM x.y.z"},
        NamesCase{"Literal", "SELECT 'from `a` my-p.d.t', 'it''s `b`'",
                  "SELECT 'from `a` my-p.d.t', 'it''s `b`'"},
        NamesCase{"EscapedLiteral", "SELECT E'it\\'s `a`', `b`", "SELECT E'it\\'s `a`', \"b\""},
        NamesCase{"DollarQuoted", "SELECT $$ `a` $$, $t$ $$ `b` $t$, `c`, $1",
                  "SELECT $$ `a` $$, $t$ $$ `b` $t$, \"c\", $1"},
        NamesCase{"DoubleQuoted", "SELECT \"`a`\"", "SELECT \"`a`\""},
        NamesCase{"LineComment", "SELECT 1 -- `a` it's\n, `b`", "SELECT 1 -- `a` it's\n, \"b\""},
        NamesCase{"NestedComment", "/* `a` /* ' */ `b` */ `c`", "/* `a` /* ' */ `b` */ \"c\""},
        NamesCase{"Semicolon", "SELECT 1;\n-- the end;\n", "SELECT 1\n-- the end;\n"},
        NamesCase{"SemicolonBetween", "SELECT 1; SELECT 2", "SELECT 1; SELECT 2"},
        NamesCase{"SemicolonInLiteral", "SELECT ';'", "SELECT ';'"},
        NamesCase{"NotClosed", "SELECT 'a `b`", "SELECT 'a `b`"},
        NamesCase{"BackquoteNotClosed", "SELECT `b", "SELECT \"b\""},
        NamesCase{"Utf8", "SELECT `nº` FROM `p.d.ação`",
                  "SELECT \"nº\" FROM \"p\".\"d\".\"ação\""}),
    [](const auto& row) { return row.param.name; });

TEST(SqlPiecesTest, TogetherAreTheText) {
  const std::string sql = "SELECT 'a', `b`, \"c\" /* d */ FROM {{ ref('x.y.z') }} -- e";
  std::string all;
  for (const SqlPiece& piece : SqlPieces(sql)) {
    EXPECT_EQ(piece.offset, all.size());
    all += piece.text;
  }
  EXPECT_EQ(all, sql);
}

TEST(MadeTextTest, KnowsWhereAByteCameFrom) {
  const std::string sql = "SELECT * FROM `a.b.c` JOIN d-e.f.g ON nothing";
  const MadeText made = WithQuotedNames(sql);
  EXPECT_EQ(made.CameFrom(made.text.find("\"a\"")), sql.find('`'));
  EXPECT_EQ(made.CameFrom(made.text.find("\"d-e\"")), sql.find("d-e"));
  EXPECT_EQ(made.CameFrom(made.text.find("thing")), sql.find("thing"));
}

}  // namespace
}  // namespace afluente::estate
