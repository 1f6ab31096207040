#include "data/canonical.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/test_duckdb.h"

namespace afluente::data {
namespace {

using testing::ElementsAre;

LogicalType Plain(Kind kind) { return {kind, 0, 0, nullptr}; }

struct CanonicalCase {
  std::string name;
  LogicalType type;
  std::string value;  // SQL, cast to the type.
  std::string want;
};

std::ostream& operator<<(std::ostream& out, const CanonicalCase& row) { return out << row.value; }

class CanonicalDuckdbTest : public testing::TestWithParam<CanonicalCase> {};

TEST_P(CanonicalDuckdbTest, IsOneTextAValue) {
  const TestDuckdb duckdb;
  EXPECT_THAT(duckdb.Rows("SELECT " + CanonicalDuckdb(GetParam().type, "v") + " FROM (SELECT " +
                          GetParam().value + "::" + GetParam().type.DuckdbName() + " AS v)"),
              ElementsAre(GetParam().want));
}

const LogicalType kTexts = LogicalType::List(Plain(Kind::kText));
const LogicalType kInts = LogicalType::List(Plain(Kind::kInt32));

INSTANTIATE_TEST_SUITE_P(
    Values, CanonicalDuckdbTest,
    testing::Values(
        CanonicalCase{"Bool", Plain(Kind::kBool), "true", "true"},
        CanonicalCase{"Int", Plain(Kind::kInt64), "-7", "-7"},
        CanonicalCase{"Real", Plain(Kind::kFloat32), "1.5", "00111111110000000000000000000000"},
        CanonicalCase{"MinusZero", Plain(Kind::kFloat32), "'-0.0'",
                      "10000000000000000000000000000000"},
        CanonicalCase{"Decimal", LogicalType::Decimal(8, 3), "1.5", "1.500"},
        CanonicalCase{"Bytes", Plain(Kind::kBytes), "'\\x00\\xFFa'", "00ff61"},
        CanonicalCase{"NoBytes", Plain(Kind::kBytes), "''", ""},
        CanonicalCase{"Date", Plain(Kind::kDate), "'1970-01-02'", "1"},
        CanonicalCase{"DateBefore", Plain(Kind::kDate), "'1969-12-31'", "-1"},
        CanonicalCase{"DateInfinity", Plain(Kind::kDate), "'-infinity'", "-infinity"},
        CanonicalCase{"Time", Plain(Kind::kTime), "'00:00:01.000002'", "1000002"},
        CanonicalCase{"EndOfDay", Plain(Kind::kTime), "'24:00:00'", "86400000000"},
        CanonicalCase{"Timestamp", Plain(Kind::kTimestamp), "'1969-12-31 23:59:59.999999'", "-1"},
        CanonicalCase{"TimestampTz", Plain(Kind::kTimestampTz), "'1970-01-01 03:00:00+03'", "0"},
        CanonicalCase{"Infinity", Plain(Kind::kTimestampTz), "'infinity'", "infinity"},
        CanonicalCase{"Interval", Plain(Kind::kInterval), "'1 year 2 months 3 days 4 seconds'",
                      "14,3,4000000"},
        CanonicalCase{"DaysAreNotMonths", Plain(Kind::kInterval), "'30 days'", "0,30,0"},
        CanonicalCase{"NegativeInterval", Plain(Kind::kInterval), "'-1 month -2 days -0.5 seconds'",
                      "-1,-2,-500000"},
        CanonicalCase{"List", kInts, "[1, NULL, 3]",
                      "[1\x1d\x1e\x1d"
                      "3]"},
        CanonicalCase{"EmptyList", kInts, "[]", "[]"},
        CanonicalCase{"NestedList", LogicalType::List(kInts), "[[1, 2], [3, 4]]",
                      "[1\x1d"
                      "2\x1d"
                      "3\x1d"
                      "4]"},
        CanonicalCase{"ListOfDates", LogicalType::List(Plain(Kind::kDate)), "['1970-01-02']",
                      "[1]"}),
    [](const auto& row) { return row.param.name; });

TEST(CanonicalDuckdbNullTest, NullStaysNullOfEveryType) {
  const TestDuckdb duckdb;
  for (const KindRow& row : AllKinds()) {
    const LogicalType type = row.kind == Kind::kDecimal ? LogicalType::Decimal(8, 2)
                             : row.kind == Kind::kList  ? kTexts
                                                        : Plain(row.kind);
    EXPECT_THAT(duckdb.Rows("SELECT " + CanonicalDuckdb(type, "v") +
                            " FROM (SELECT NULL::" + type.DuckdbName() + " AS v)"),
                ElementsAre("NULL"))
        << row.name;
  }
}

TEST(CanonicalPostgresTest, EveryTypeHasAnExpressionOverItsColumn) {
  for (const KindRow& row : AllKinds()) {
    const LogicalType type = row.kind == Kind::kList ? kTexts : Plain(row.kind);
    EXPECT_THAT(CanonicalPostgres(type, "\"column\"", false), testing::HasSubstr("\"column\""))
        << row.name;
  }
}

}  // namespace
}  // namespace afluente::data
