#include "pipeline/model_reads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "estate/utf8.h"

namespace afluente::pipeline {
namespace {

using testing::UnorderedElementsAreArray;

struct ReadsCase {
  std::string name;
  std::string sql;
  std::vector<std::string> want;  // "1:15 p.d.t", and "1:15 ! part of a problem".
};

std::ostream& operator<<(std::ostream& out, const ReadsCase& row) { return out << row.sql; }

class ModelReadsTest : public testing::TestWithParam<ReadsCase> {};

TEST_P(ModelReadsTest, FindsWhatIsRead) {
  const auto parser = SqlParser::Open();
  ASSERT_TRUE(parser.ok());
  const estate::TemplateValues values = {
      {"interval.start", {estate::TemplateValue::Kind::kTimestamp, ""}}};
  const auto reads = ReadsOf(parser.value().connection(), GetParam().sql, values);
  ASSERT_TRUE(reads.ok()) << reads.error().message();
  estate::TextPlaces places(GetParam().sql);
  const auto place = [&](std::size_t offset) {
    const estate::Mark mark = places.MarkAtOffset("", offset);
    return std::to_string(mark.line) + ":" + std::to_string(mark.column) + " ";
  };
  std::vector<std::string> found;
  for (const TableRead& read : reads.value().tables) {
    found.push_back(place(read.offset) + read.table.ToString());
  }
  std::vector<testing::Matcher<std::string>> want;
  for (const std::string& text : GetParam().want) {
    const std::size_t problem = text.find(" ! ");
    if (problem == std::string::npos) {
      want.emplace_back(text);
    } else {
      want.emplace_back(testing::AllOf(testing::StartsWith(text.substr(0, problem + 1)),
                                       testing::HasSubstr(text.substr(problem + 3))));
    }
  }
  for (const SqlProblem& problem : reads.value().problems) {
    found.push_back(place(problem.offset) + problem.message);
  }
  EXPECT_THAT(found, UnorderedElementsAreArray(want));
}

INSTANTIATE_TEST_SUITE_P(
    Sql, ModelReadsTest,
    testing::Values(
        ReadsCase{"NoTable", "SELECT 1", {}}, ReadsCase{"Values", "VALUES (1)", {}},
        ReadsCase{"Plain", "SELECT * FROM p.d.t", {"1:15 p.d.t"}},
        ReadsCase{"Ref", "SELECT *\nFROM {{ ref('my-p.d.t') }}", {"2:6 my-p.d.t"}},
        ReadsCase{"Backquoted", "SELECT `x` FROM `my-p.d.t`", {"1:17 my-p.d.t"}},
        ReadsCase{"Dashes", "SELECT * FROM my-p.d.t", {"1:15 my-p.d.t"}},
        ReadsCase{"DoubleQuoted", "SELECT * FROM \"my-p\".d.\"t\"", {"1:15 my-p.d.t"}},
        ReadsCase{"BehindATemplate",
                  "SELECT {{ interval.start }}, é FROM `a.b.c`\nJOIN a.b.d USING (id)",
                  {"1:37 a.b.c", "2:6 a.b.d"}},
        ReadsCase{"Joins",
                  "SELECT * FROM a.b.c LEFT JOIN a.b.d ON true, a.b.e CROSS JOIN (FROM a.b.f)",
                  {"1:15 a.b.c", "1:31 a.b.d", "1:46 a.b.e", "1:69 a.b.f"}},
        ReadsCase{"Subqueries",
                  "SELECT (SELECT max(x) FROM a.b.c) FROM a.b.d WHERE EXISTS (SELECT 1 FROM a.b.e) "
                  "AND id IN (SELECT id FROM a.b.f)",
                  {"1:28 a.b.c", "1:40 a.b.d", "1:74 a.b.e", "1:107 a.b.f"}},
        ReadsCase{"Union",
                  "SELECT 1 FROM a.b.c UNION ALL SELECT 2 FROM a.b.d",
                  {"1:15 a.b.c", "1:45 a.b.d"}},
        ReadsCase{"Cte",
                  "WITH x AS (SELECT * FROM a.b.c), y AS (FROM x) SELECT * FROM Y JOIN x USING (i)",
                  {"1:26 a.b.c"}},
        ReadsCase{"RecursiveCte",
                  "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) "
                  "SELECT * FROM n",
                  {}},
        ReadsCase{"CteInASubquery",
                  "SELECT * FROM (WITH x AS (FROM a.b.c) FROM x), x",
                  {"1:32 a.b.c", "1:48 ! x is no table and no name that WITH defines here"}},
        ReadsCase{"CteNamedAsATable", "WITH c AS (SELECT 1) SELECT * FROM a.b.c", {"1:36 a.b.c"}},
        ReadsCase{"Literal", "SELECT 'FROM x.y.z {{ a' FROM a.b.c", {"1:31 a.b.c"}},
        ReadsCase{"Comment",
                  "SELECT 1 -- FROM x.y.z\n/* FROM {{ ref('x.y.z') }} */ FROM a.b.c",
                  {"2:36 a.b.c"}},
        ReadsCase{"TrailingSemicolon", "SELECT 1 FROM a.b.c ; -- done\n", {"1:15 a.b.c"}},
        ReadsCase{"Unnest", "SELECT u FROM a.b.c, unnest(c.xs) AS t(u)", {"1:15 a.b.c"}},
        ReadsCase{"Pivot", "PIVOT a.b.c ON kind IN ('x') USING sum(n)", {"1:7 a.b.c"}},
        ReadsCase{"OnePart", "SELECT * FROM t", {"1:15 ! t is no table"}},
        ReadsCase{"TwoParts", "SELECT * FROM d.t", {"1:15 ! d.t has no project"}},
        ReadsCase{"HiddenTable", "FROM query_table('a.b.c')", {"1:6 ! hides which tables"}},
        ReadsCase{"HiddenQuery", "FROM query('FROM a.b.c')", {"1:6 ! hides which tables"}},
        ReadsCase{"SyntaxError", "SELECT *\nFROM a.b.c WHERE", {"2:17 ! does not parse"}},
        ReadsCase{"TwoStatements", "SELECT 1; SELECT 2", {"1:1 ! 2 statements"}},
        ReadsCase{"Empty", "", {"1:1 ! 0 statements"}},
        ReadsCase{"OnlyAComment", "-- later", {"1:1 ! 0 statements"}},
        ReadsCase{"Delete", "DELETE FROM a.b.c", {"1:1 ! no SELECT"}},
        ReadsCase{"Create", "CREATE TABLE x AS SELECT 1", {"1:1 ! no SELECT"}},
        ReadsCase{"SelectThenDrop", "SELECT 1; DROP TABLE a.b.c", {"1:1 ! no SELECT"}},
        ReadsCase{"Copy", "COPY (SELECT 1) TO 'x.csv'", {"1:1 ! no SELECT"}},
        ReadsCase{"Attach", "ATTACH 'x.db'", {"1:1 ! no SELECT"}}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace afluente::pipeline
