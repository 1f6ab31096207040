#include "pipeline/transform_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace afluente::pipeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Check(const std::string& transform) {
  estate::Integration integration;
  integration.transform = transform;
  integration.transform_mark = {"integrations/messages.yaml", 9, 12};
  const auto findings = CheckTransform(integration);
  if (!findings.ok()) return {"failed: " + findings.error().message()};
  std::vector<std::string> texts;
  for (const estate::Finding& finding : findings.value()) texts.push_back(finding.ToString());
  return texts;
}

struct TransformCase {
  std::string name;
  std::string sql;
  std::string want;  // In a finding; "": allowed.
};

std::ostream& operator<<(std::ostream& out, const TransformCase& row) { return out << row.sql; }

class TransformCheckTest : public testing::TestWithParam<TransformCase> {};

TEST_P(TransformCheckTest, AllowsOrNamesTheReason) {
  const auto findings = Check(GetParam().sql);
  if (GetParam().want.empty()) {
    EXPECT_THAT(findings, IsEmpty());
  } else {
    EXPECT_THAT(findings, testing::Contains(HasSubstr(GetParam().want)));
    EXPECT_THAT(findings.front(), testing::StartsWith("integrations/messages.yaml:9:12: "));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Allowed, TransformCheckTest,
    testing::Values(
        TransformCase{"None", "", ""}, TransformCase{"Star", "SELECT * FROM batch", ""},
        TransformCase{"FromFirst", "FROM batch", ""},
        TransformCase{"UpperCase", "select ID from BATCH", ""},
        TransformCase{"Alias", "SELECT b.id FROM batch AS b WHERE b.id > 3", ""},
        TransformCase{"Replace", "SELECT * EXCLUDE (a) REPLACE (lower(b) AS b) FROM batch", ""},
        TransformCase{"Unnest", "SELECT id, unnest(items) AS item FROM batch", ""},
        TransformCase{"ListFunction", "SELECT list_sum(items) AS total FROM batch", ""},
        TransformCase{"Cte", "WITH x AS (SELECT id FROM batch) SELECT * FROM x", ""},
        TransformCase{"CteOfCte",
                      "WITH x AS (FROM batch), y AS (FROM x WHERE id > 1) SELECT * FROM y", ""},
        TransformCase{"DerivedTable", "SELECT * FROM (SELECT id FROM batch)", ""},
        TransformCase{"JoinWithConstants",
                      "SELECT b.*, s.name FROM batch b LEFT JOIN (VALUES (1, 'SP')) s(id, name) "
                      "USING (id)",
                      ""},
        TransformCase{"RightJoinToBatch",
                      "SELECT b.* FROM (VALUES (1)) s(id) RIGHT JOIN batch b USING (id)", ""},
        TransformCase{"SubqueryMayAggregate",
                      "SELECT id, (SELECT max(v) FROM (VALUES (1), (2)) t(v)) AS top FROM batch",
                      ""},
        TransformCase{"SubqueryMaySortAndLimit",
                      "SELECT id FROM batch WHERE id IN (SELECT i FROM range(9) t(i) "
                      "ORDER BY i DESC LIMIT 3)",
                      ""},
        TransformCase{"AggregateOverARowsOwnList",
                      "SELECT id, (SELECT max(u.v) FROM unnest(b.items) u(v)) AS m FROM batch b",
                      ""},
        TransformCase{"CteWithoutBatchMayAggregate",
                      "WITH t AS (SELECT max(i) AS m FROM range(9) r(i)) "
                      "SELECT batch.*, t.m FROM batch, t",
                      ""},
        TransformCase{"Comment", "SELECT id FROM batch -- count(*), batch", ""},
        TransformCase{"ColumnCalledCount", "SELECT \"count\", \"max\" FROM batch", ""},
        TransformCase{"TextThatNamesBatch", "SELECT 'FROM batch' AS t FROM batch", ""}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    MoreThanOneRow, TransformCheckTest,
    testing::Values(
        TransformCase{"Count", "SELECT count(*) FROM batch", "aggregate count_star"},
        TransformCase{"Sum", "SELECT SUM(v) FROM batch", "aggregate sum"},
        TransformCase{"NestedAggregate", "SELECT 1 + coalesce(max(v), 0) FROM batch",
                      "aggregate max"},
        TransformCase{"Filter", "SELECT count(id) FILTER (id > 1) FROM batch", "aggregate count"},
        TransformCase{"GroupBy", "SELECT id FROM batch GROUP BY id", "GROUP BY"},
        TransformCase{"GroupByAll", "SELECT id FROM batch GROUP BY ALL", "GROUP BY"},
        TransformCase{"Having", "SELECT 1 FROM batch HAVING max(id) > 1", "HAVING"},
        TransformCase{"Distinct", "SELECT DISTINCT id FROM batch", "DISTINCT"},
        TransformCase{"DistinctOn", "SELECT DISTINCT ON (id) * FROM batch", "DISTINCT"},
        TransformCase{"OrderBy", "SELECT id FROM batch ORDER BY id", "ORDER BY"},
        TransformCase{"Limit", "SELECT id FROM batch LIMIT 5", "LIMIT"},
        TransformCase{"LimitPercent", "SELECT id FROM batch LIMIT 5%", "LIMIT"},
        TransformCase{"Offset", "SELECT id FROM batch OFFSET 5", "LIMIT"},
        TransformCase{"Window", "SELECT row_number() OVER () FROM batch", "window functions"},
        TransformCase{"WindowAggregate", "SELECT sum(v) OVER (ORDER BY id) FROM batch",
                      "window functions"},
        TransformCase{"Qualify",
                      "SELECT id FROM batch QUALIFY row_number() OVER (PARTITION BY id) = 1",
                      "QUALIFY"},
        TransformCase{"UsingSample", "SELECT id FROM batch USING SAMPLE 10%", "sampling"},
        TransformCase{"TableSample", "SELECT id FROM batch TABLESAMPLE 10%", "sampling"},
        TransformCase{"Union", "SELECT id FROM batch UNION ALL SELECT 1", "UNION"},
        TransformCase{"Except", "SELECT id FROM batch EXCEPT SELECT 1", "UNION"},
        TransformCase{"UnionInside", "SELECT * FROM (SELECT id FROM batch UNION SELECT 1)",
                      "UNION"},
        TransformCase{"AggregateInside", "SELECT * FROM (SELECT max(id) FROM batch)",
                      "aggregate max"},
        TransformCase{"AggregateInACte", "WITH x AS (SELECT max(id) FROM batch) FROM x",
                      "aggregate max"},
        TransformCase{"AggregateOverACte",
                      "WITH x AS (FROM batch) SELECT * FROM (SELECT count(*) FROM x)",
                      "aggregate count_star"},
        TransformCase{"SortOverACteOfACte",
                      "WITH y AS (FROM batch), z AS (FROM y) "
                      "SELECT * FROM (SELECT id FROM Z LIMIT 1)",
                      "LIMIT"},
        TransformCase{"Recursion",
                      "WITH RECURSIVE r AS (SELECT id FROM batch UNION ALL SELECT id + 1 FROM r "
                      "WHERE id < 9) SELECT * FROM r",
                      "transform uses"},
        TransformCase{"FullJoin", "SELECT * FROM batch FULL JOIN (VALUES (1)) s(id) USING (id)",
                      "FULL JOIN"},
        TransformCase{"LeftJoinToBatch",
                      "SELECT * FROM (VALUES (1)) s(id) LEFT JOIN batch USING (id)",
                      "batch on the right of a LEFT JOIN"},
        TransformCase{"AntiJoinToBatch",
                      "SELECT * FROM (VALUES (1)) s(id) ANTI JOIN batch USING (id)",
                      "batch on the right of a ANTI JOIN"},
        TransformCase{"RightJoinFromBatch",
                      "SELECT * FROM batch RIGHT JOIN (VALUES (1)) s(id) USING (id)",
                      "batch on the left of a RIGHT JOIN"},
        TransformCase{"PositionalJoin", "SELECT * FROM batch POSITIONAL JOIN range(9)",
                      "POSITIONAL JOIN"},
        TransformCase{"BatchInACondition",
                      "SELECT * FROM range(9) t(i) WHERE i NOT IN (SELECT id FROM batch)",
                      "batch outside of FROM"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    NotOneSelectOverBatch, TransformCheckTest,
    testing::Values(
        TransformCase{"NoBatch", "SELECT 1 AS id", "does not read batch"},
        TransformCase{"AnotherSchemasBatch", "SELECT * FROM other.batch", "does not read batch"},
        TransformCase{"SelfJoin", "SELECT * FROM batch a JOIN batch b USING (id)",
                      "names batch 2 times"},
        TransformCase{"SelfJoinInOtherCase", "SELECT * FROM batch a JOIN BATCH b USING (id)",
                      "names batch 2 times"},
        TransformCase{"BatchInASubqueryToo",
                      "SELECT * FROM batch WHERE id IN (SELECT id FROM batch)",
                      "names batch 2 times"},
        TransformCase{"SelfJoinOfACte",
                      "WITH x AS (FROM batch) SELECT * FROM x a JOIN x b USING (id)",
                      "names x 2 times"},
        TransformCase{"CteThatHidesBatch", "WITH batch AS (SELECT 1 AS id) SELECT * FROM batch",
                      "hides the rows"},
        TransformCase{"TwoStatements", "SELECT * FROM batch; SELECT * FROM batch", "2 statements"},
        TransformCase{"Syntax", "SELEC * FROM batch", "does not parse"},
        TransformCase{"NotClosed", "SELECT (id FROM batch", "does not parse"},
        TransformCase{"Insert", "INSERT INTO t SELECT * FROM batch", "does not parse"},
        TransformCase{"Copy", "COPY batch TO '/tmp/x.csv'", "does not parse"},
        TransformCase{"Attach", "ATTACH '/tmp/x.duckdb'", "does not parse"},
        TransformCase{"Quote", "SELECT 'it''s' FROM batch; DROP TABLE x --'", "does not parse"}),
    [](const auto& row) { return row.param.name; });

TEST(CheckTransformsTest, NamesEveryMistakeOfEveryIntegration) {
  estate::Estate estate;
  estate.integrations["contacts"].transform = "SELECT * FROM batch";
  estate.integrations["messages"].transform = "SELECT DISTINCT id FROM batch LIMIT 1";
  estate.integrations["orders"].transform = "SELECT 1";
  estate.integrations["plain"];
  const auto findings = CheckTransforms(estate);
  ASSERT_TRUE(findings.ok());
  std::vector<std::string> messages;
  for (const auto& finding : findings.value()) messages.push_back(finding.message);
  EXPECT_THAT(messages, ElementsAre(HasSubstr("DISTINCT"), HasSubstr("LIMIT"),
                                    HasSubstr("does not read batch")));
}

}  // namespace
}  // namespace afluente::pipeline
