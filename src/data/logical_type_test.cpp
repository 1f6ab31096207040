#include "data/logical_type.h"

#include <gtest/gtest.h>

#include "data/test_duckdb.h"

namespace afluente::data {
namespace {

struct NamesCase {
  std::string name;
  LogicalType type;
  std::string duckdb;
  std::string bigquery;
};

std::ostream& operator<<(std::ostream& out, const NamesCase& row) { return out << row.duckdb; }

LogicalType Plain(Kind kind) { return {kind, 0, 0, nullptr}; }

class LogicalTypeTest : public testing::TestWithParam<NamesCase> {};

TEST_P(LogicalTypeTest, HasOneFormInEachSystem) {
  EXPECT_EQ(GetParam().type.DuckdbName(), GetParam().duckdb);
  EXPECT_EQ(GetParam().type.BigqueryName(), GetParam().bigquery);
}

// Evolution compares what DESCRIBE prints with DuckdbName().
TEST_P(LogicalTypeTest, DescribePrintsTheSameName) {
  const TestDuckdb duckdb;
  const auto rows = duckdb.Rows("DESCRIBE SELECT NULL::" + GetParam().type.DuckdbName() + " AS v");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_TRUE(rows.front().starts_with("v|" + GetParam().duckdb + "|")) << rows.front();
}

INSTANTIATE_TEST_SUITE_P(
    Types, LogicalTypeTest,
    testing::Values(
        NamesCase{"Bool", Plain(Kind::kBool), "BOOLEAN", "BOOL"},
        NamesCase{"Oid", Plain(Kind::kUint32), "UINTEGER", "INT64"},
        NamesCase{"Real", Plain(Kind::kFloat32), "FLOAT", "FLOAT64"},
        NamesCase{"Text", Plain(Kind::kText), "VARCHAR", "STRING"},
        NamesCase{"Json", Plain(Kind::kJson), "JSON", "JSON"},
        NamesCase{"Bytes", Plain(Kind::kBytes), "BLOB", "BYTES"},
        NamesCase{"TimeTz", Plain(Kind::kTimeTz), "TIME WITH TIME ZONE", "STRING"},
        NamesCase{"Timestamp", Plain(Kind::kTimestamp), "TIMESTAMP", "DATETIME"},
        NamesCase{"TimestampTz", Plain(Kind::kTimestampTz), "TIMESTAMP WITH TIME ZONE",
                  "TIMESTAMP"},
        NamesCase{"DecimalThatNumericHolds", LogicalType::Decimal(38, 9), "DECIMAL(38,9)",
                  "NUMERIC(38,9)"},
        NamesCase{"TooManyFractionDigits", LogicalType::Decimal(38, 10), "DECIMAL(38,10)",
                  "BIGNUMERIC(38,10)"},
        NamesCase{"TooManyIntegerDigits", LogicalType::Decimal(30, 0), "DECIMAL(30,0)",
                  "BIGNUMERIC(30,0)"},
        NamesCase{"List", LogicalType::List(Plain(Kind::kInt32)), "INTEGER[]", "ARRAY<INT64>"},
        NamesCase{"ListOfDecimals", LogicalType::List(LogicalType::Decimal(12, 4)),
                  "DECIMAL(12,4)[]", "ARRAY<NUMERIC(12,4)>"},
        NamesCase{"ListOfLists", LogicalType::List(LogicalType::List(Plain(Kind::kText))),
                  "VARCHAR[][]", "JSON"}),
    [](const auto& row) { return row.param.name; });

TEST(FromDuckdbNameTest, IsTheInverse) {
  for (const char* name : {"BOOLEAN", "VARCHAR", "JSON", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE",
                           "DECIMAL(38,10)", "DECIMAL(12,4)[]", "VARCHAR[][]", "BLOB"}) {
    const auto type = LogicalType::FromDuckdbName(name);
    ASSERT_TRUE(type) << name;
    EXPECT_EQ(type->DuckdbName(), name);
  }
  for (const char* name : {"HUGEINT", "STRUCT(a INTEGER)", "INTEGER[3]", "LIST", "DECIMAL",
                           "DECIMAL(1", "DECIMAL(4,2))", "", "[]"}) {
    EXPECT_FALSE(LogicalType::FromDuckdbName(name)) << name;
  }
}

TEST(AllKindsTest, StandInTheOrderOfTheEnum) {
  std::size_t place = 0;
  for (const KindRow& row : AllKinds()) {
    EXPECT_EQ(static_cast<std::size_t>(row.kind), place++) << row.name;
    if (row.kind == Kind::kDecimal || row.kind == Kind::kList) continue;
    const DuckType type = Plain(row.kind).ToDuckdb();
    EXPECT_EQ(duckdb_get_type_id(type.get()), row.duckdb_id) << row.name;
  }
}

TEST(ToDuckdbTest, KeepsPrecisionScaleAndElement) {
  const DuckType list = LogicalType::List(LogicalType::Decimal(20, 7)).ToDuckdb();
  ASSERT_EQ(duckdb_get_type_id(list.get()), DUCKDB_TYPE_LIST);
  const DuckType element(duckdb_list_type_child_type(list.get()));
  EXPECT_EQ(duckdb_decimal_width(element.get()), 20);
  EXPECT_EQ(duckdb_decimal_scale(element.get()), 7);
}

}  // namespace
}  // namespace afluente::data
