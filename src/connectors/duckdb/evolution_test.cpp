#include "connectors/duckdb/evolution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/test_duckdb.h"

namespace afluente::duck {
namespace {

using estate::OnSchemaChange;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct WideningCase {
  std::string from;
  std::string to;
  bool want;
};

std::ostream& operator<<(std::ostream& out, const WideningCase& row) {
  return out << row.from << " to " << row.to;
}

class IsWideningTest : public testing::TestWithParam<WideningCase> {};

TEST_P(IsWideningTest, KeepsEveryValue) {
  EXPECT_EQ(IsWidening(GetParam().from, GetParam().to), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Wider, IsWideningTest,
                         testing::Values(WideningCase{"BIGINT", "BIGINT", true},
                                         WideningCase{"DATE", "VARCHAR", true},
                                         WideningCase{"SMALLINT", "INTEGER", true},
                                         WideningCase{"INTEGER", "BIGINT", true},
                                         WideningCase{"UINTEGER", "BIGINT", true},
                                         WideningCase{"FLOAT", "DOUBLE", true},
                                         WideningCase{"INTEGER", "DOUBLE", true},
                                         WideningCase{"DECIMAL(10,2)", "DECIMAL(12,2)", true},
                                         WideningCase{"DECIMAL(10,2)", "DECIMAL(14,4)", true},
                                         WideningCase{"INTEGER", "DECIMAL(10,0)", true},
                                         WideningCase{"SMALLINT", "DECIMAL(7,2)", true},
                                         WideningCase{"BIGINT", "DECIMAL(38,10)", true},
                                         WideningCase{"INTEGER[]", "BIGINT[]", true},
                                         WideningCase{"DECIMAL(4,2)[][]", "DECIMAL(6,2)[][]", true},
                                         WideningCase{"INTEGER[]", "VARCHAR", true},
                                         WideningCase{"DATE", "TIMESTAMP", true}));

INSTANTIATE_TEST_SUITE_P(
    NotWider, IsWideningTest,
    testing::Values(
        WideningCase{"BIGINT", "INTEGER", false}, WideningCase{"INTEGER", "UINTEGER", false},
        WideningCase{"UINTEGER", "INTEGER", false}, WideningCase{"BIGINT", "DOUBLE", false},
        WideningCase{"DOUBLE", "FLOAT", false}, WideningCase{"VARCHAR", "JSON", false},
        WideningCase{"VARCHAR", "INTEGER", false},
        WideningCase{"DECIMAL(12,2)", "DECIMAL(10,2)", false},
        // One digit more behind the point is one fewer in front of it.
        WideningCase{"DECIMAL(10,2)", "DECIMAL(10,3)", false},
        WideningCase{"INTEGER", "DECIMAL(10,2)", false},
        WideningCase{"DECIMAL(5,0)", "INTEGER", false},
        WideningCase{"DECIMAL(10,2)", "DOUBLE", false}, WideningCase{"TIMESTAMP", "DATE", false},
        WideningCase{"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", false},
        WideningCase{"BIGINT[]", "INTEGER[]", false}, WideningCase{"INTEGER", "INTEGER[]", false},
        WideningCase{"INTEGER[]", "INTEGER", false},
        WideningCase{"DECIMAL(4,2)[]", "DECIMAL(6,2)", false},
        WideningCase{"SMALLINT", "DECIMAL(6,0)[]", false}));

const std::vector<TableColumn> kTable = {{"id", "BIGINT"}, {"plan", "INTEGER"}};

std::vector<TableColumn> With(const TableColumn& plan) { return {{"id", "BIGINT"}, plan}; }

TEST(PlanEvolutionTest, TheSameShapeNeedsNothing) {
  for (const auto policy :
       {OnSchemaChange::kEvolve, OnSchemaChange::kFail, OnSchemaChange::kIgnore}) {
    const auto plan = PlanEvolution(kTable, kTable, policy, true);
    ASSERT_TRUE(plan.ok());
    EXPECT_THAT(plan.value().changes, IsEmpty());
    EXPECT_THAT(plan.value().alterations, IsEmpty());
    EXPECT_THAT(plan.value().projection, IsEmpty());
  }
}

TEST(PlanEvolutionTest, OrderAndCaseAreNoChange) {
  const auto plan =
      PlanEvolution(kTable, {{"PLAN", "INTEGER"}, {"Id", "BIGINT"}}, OnSchemaChange::kFail, true);
  ASSERT_TRUE(plan.ok());
  EXPECT_THAT(plan.value().changes, IsEmpty());
}

TEST(PlanEvolutionTest, EvolveAddsAndWidens) {
  const auto plan = PlanEvolution(kTable, {{"id", "BIGINT"}, {"plan", "BIGINT"}, {"a\"b", "DATE"}},
                                  OnSchemaChange::kEvolve, true);
  ASSERT_TRUE(plan.ok());
  EXPECT_THAT(plan.value().changes,
              ElementsAre("column plan: INTEGER becomes BIGINT", "column a\"b: added (DATE)"));
  EXPECT_THAT(plan.value().alterations,
              ElementsAre(R"(ALTER COLUMN "plan" TYPE BIGINT)", R"(ADD COLUMN "a""b" DATE)"));
  EXPECT_THAT(plan.value().projection, IsEmpty());
}

TEST(PlanEvolutionTest, ANarrowerTypeFitsTheWiderColumn) {
  const auto plan = PlanEvolution(kTable, With({"plan", "SMALLINT"}), OnSchemaChange::kFail, true);
  ASSERT_TRUE(plan.ok());
  EXPECT_THAT(plan.value().changes, IsEmpty());
}

TEST(PlanEvolutionTest, AColumnThatIsGoneKeepsItsHistory) {
  const auto kept = PlanEvolution(kTable, {{"id", "BIGINT"}}, OnSchemaChange::kEvolve, true);
  EXPECT_THAT(kept.value().changes,
              ElementsAre("column plan: gone from the source, its history stays"));
  EXPECT_THAT(kept.value().alterations, IsEmpty());
  const auto replaced = PlanEvolution(kTable, {{"id", "BIGINT"}}, OnSchemaChange::kEvolve, false);
  EXPECT_THAT(replaced.value().changes, ElementsAre("column plan: gone from the source"));
}

TEST(PlanEvolutionTest, ATypeThatLosesOldValuesIsRefusedWithTheCure) {
  const auto failed = PlanEvolution(kTable, With({"plan", "DATE"}), OnSchemaChange::kEvolve, true);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kSchemaMismatch);
  EXPECT_THAT(failed.error().message(), HasSubstr("plan is INTEGER in the destination"));
  EXPECT_THAT(failed.error().message(), HasSubstr("--full-refresh"));
}

TEST(PlanEvolutionTest, AReplacedTableTakesAnyType) {
  EXPECT_TRUE(PlanEvolution(kTable, With({"plan", "DATE"}), OnSchemaChange::kEvolve, false).ok());
}

TEST(PlanEvolutionTest, FailRefusesEveryChange) {
  for (const auto& arriving : {With({"plan", "BIGINT"}), With({"price", "INTEGER"}),
                               std::vector<TableColumn>{{"id", "BIGINT"}}}) {
    for (const bool keeps_rows : {true, false}) {
      const auto failed = PlanEvolution(kTable, arriving, OnSchemaChange::kFail, keeps_rows);
      ASSERT_FALSE(failed.ok());
      EXPECT_EQ(failed.error().kind(), ErrorKind::kSchemaMismatch);
      EXPECT_THAT(failed.error().message(), HasSubstr("on_schema_change is fail"));
    }
  }
}

// Runs the projection of a plan over one row; the table's shape stays.
std::vector<std::string> Ignored(const std::vector<TableColumn>& table, const std::string& row,
                                 bool keeps_rows = true) {
  const data::TestDuckdb duckdb;
  const auto arriving = DescribeSelect(duckdb.connection(), row);
  const auto plan = PlanEvolution(table, arriving.value(), OnSchemaChange::kIgnore, keeps_rows);
  if (!plan.ok()) return {"refused: " + plan.error().message()};
  EXPECT_THAT(plan.value().alterations, IsEmpty());
  std::string columns;
  for (const std::string& column : plan.value().projection) {
    columns += (columns.empty() ? "" : ", ") + column;
  }
  return duckdb.Rows("SELECT " + (columns.empty() ? "*" : columns) + " FROM (" + row + ")");
}

TEST(PlanEvolutionTest, IgnoreKeepsTheTablesColumns) {
  EXPECT_THAT(Ignored(kTable, "SELECT 7::BIGINT AS id, 'x' AS extra"), ElementsAre("7|NULL"));
  EXPECT_THAT(Ignored({{"id", "BIGINT"}, {"plan", "VARCHAR"}},
                      "SELECT 7::BIGINT AS id, 3 AS plan, 'x' AS extra"),
              ElementsAre("7|3"));
}

struct IgnoreCase {
  std::string name;
  std::string type;  // Of the table's column.
  std::string value;
  std::string want;  // "": the run fails.
};

std::ostream& operator<<(std::ostream& out, const IgnoreCase& row) { return out << row.value; }

class IgnoreTest : public testing::TestWithParam<IgnoreCase> {};

// The table keeps its type; a value that this type does not hold must not be rounded.
TEST_P(IgnoreTest, KeepsTheValueOrFails) {
  const std::vector<TableColumn> table = {{"v", GetParam().type}};
  for (const bool keeps_rows : {true, false}) {
    const auto rows = Ignored(table, "SELECT " + GetParam().value + " AS v", keeps_rows);
    ASSERT_EQ(rows.size(), 1U);
    if (GetParam().want.empty()) {
      EXPECT_TRUE(rows.front().starts_with("failed: ") || rows.front().starts_with("refused: "))
          << rows.front();
    } else {
      EXPECT_EQ(rows.front(), GetParam().want);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Values, IgnoreTest,
    testing::Values(IgnoreCase{"FitsAll", "INTEGER", "5::BIGINT", "5"},
                    IgnoreCase{"Null", "INTEGER", "NULL::DECIMAL(10,2)", "NULL"},
                    IgnoreCase{"TooLarge", "INTEGER", "5000000000::BIGINT", ""},
                    IgnoreCase{"Whole", "INTEGER", "2.00::DECIMAL(14,2)", "2"},
                    IgnoreCase{"Fraction", "INTEGER", "1.50::DECIMAL(14,2)", ""},
                    IgnoreCase{"DoubleFraction", "INTEGER", "1.5::DOUBLE", ""},
                    IgnoreCase{"ScaleCut", "DECIMAL(10,2)", "1.234::DECIMAL(12,3)", ""},
                    IgnoreCase{"FloatCut", "FLOAT", "0.1::DOUBLE", ""},
                    IgnoreCase{"TimeCut", "DATE", "TIMESTAMP '2026-01-01 10:00:00'", ""},
                    IgnoreCase{"Midnight", "DATE", "TIMESTAMP '2026-01-01'", "2026-01-01"},
                    IgnoreCase{"ToText", "VARCHAR", "17::BIGINT", "17"},
                    IgnoreCase{"NoNumber", "INTEGER", "'many'", ""}),
    [](const auto& row) { return row.param.name; });

TEST(DescribeSelectTest, NamesColumnsAndTypes) {
  const data::TestDuckdb duckdb;
  const auto columns =
      DescribeSelect(duckdb.connection(), "SELECT 1::BIGINT AS id, [1.5::DECIMAL(4,2)] AS \"L\"");
  ASSERT_TRUE(columns.ok());
  ASSERT_EQ(columns.value().size(), 2U);
  EXPECT_EQ(columns.value()[1].name, "L");
  EXPECT_EQ(columns.value()[1].type, "DECIMAL(4,2)[]");
}

TEST(DescribeSelectTest, RefusesColumnsThatDifferByCase) {
  const data::TestDuckdb duckdb;
  const auto failed = DescribeSelect(duckdb.connection(), "SELECT 1 AS \"Name\", 2 AS \"name\"");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kSchemaMismatch);
}

TEST(DescribeSelectTest, SqlThatDoesNotBindIsNotFound) {
  const data::TestDuckdb duckdb;
  EXPECT_EQ(DescribeSelect(duckdb.connection(), "SELECT x FROM range(1)").error().kind(),
            ErrorKind::kNotFound);
}

}  // namespace
}  // namespace afluente::duck
