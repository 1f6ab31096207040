#include "connectors/duckdb/data_tests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "connectors/duckdb/test_warehouse.h"

namespace afluente::duck {
namespace {

using estate::DataTest;
using Kind = DataTest::Kind;
using testing::HasSubstr;

struct DataTestCase {
  std::string name;
  DataTest test;
  std::string want;  // "": passes; "!" and a part of the error; else the reason.
};

std::ostream& operator<<(std::ostream& out, const DataTestCase& row) { return out << row.name; }

DataTest Of(Kind kind, std::vector<std::string> columns = {}) {
  DataTest test;
  test.kind = kind;
  test.columns = std::move(columns);
  return test;
}

DataTest Where(DataTest test, std::string where) {
  test.where = std::move(where);
  return test;
}

DataTest Accepted(std::string column, std::vector<std::string> values) {
  DataTest test = Of(Kind::kAcceptedValues, {std::move(column)});
  test.values = std::move(values);
  return test;
}

DataTest Relationships(std::string column, std::string field) {
  DataTest test = Of(Kind::kRelationships, {std::move(column)});
  test.to = estate::TableAddress{"analytics", "d", "states"};
  test.field = std::move(field);
  return test;
}

DataTest Freshness(std::string column, std::chrono::milliseconds max_age) {
  DataTest test = Of(Kind::kFreshness, {std::move(column)});
  test.max_age = max_age;
  return test;
}

DataTest RowCount(std::optional<std::int64_t> min, std::optional<std::int64_t> max) {
  DataTest test = Of(Kind::kRowCount);
  test.min = min;
  test.max = max;
  return test;
}

DataTest Sql(std::string sql) {
  DataTest test = Of(Kind::kSql);
  test.sql = std::move(sql);
  return test;
}

class PeopleTest : public testing::Test {
 protected:
  PeopleTest() {
    const Status made = warehouse_.Execute(
        "CREATE SCHEMA analytics.d;"
        "CREATE TABLE analytics.d.states AS SELECT * FROM (VALUES ('SP'), ('RJ'), (NULL)) s(uf);"
        "CREATE TABLE analytics.d.people(id INTEGER, mail VARCHAR, uf VARCHAR, seen TIMESTAMPTZ, "
        "born DATE);"
        "INSERT INTO analytics.d.people VALUES (1, 'a', 'SP', '2026-01-10 10:00:00Z', "
        "'2000-01-01'),"
        "(2, NULL, 'RJ', '2026-01-10 12:00:00Z', NULL), (3, 'a', 'XX', NULL, NULL),"
        "(4, NULL, NULL, NULL, NULL)");
    EXPECT_TRUE(made.ok());
  }

  Result<std::vector<TestOutcome>> Run(const std::vector<DataTest>& tests) const {
    AFL_ASSIGN(const data::DuckConnection connection, (*warehouse_).Connect());
    const estate::TemplateValues values = {
        {"env", {estate::TemplateValue::Kind::kText, "default"}}};
    constexpr auto kNow = std::chrono::sys_days(std::chrono::January / 10 / 2026);
    return RunDataTests(connection.get(), {"analytics", "d", "people"}, tests,
                        {values, kNow + std::chrono::hours(13), {"id"}});
  }

  mutable TestWarehouse warehouse_;
};

class DataTestsTest : public PeopleTest, public testing::WithParamInterface<DataTestCase> {};

TEST_P(DataTestsTest, PassesOrSaysWhy) {
  const auto outcomes = Run({GetParam().test});
  const std::string& want = GetParam().want;
  if (want.starts_with('!')) {
    ASSERT_FALSE(outcomes.ok());
    EXPECT_THAT(outcomes.error().message(), HasSubstr(want.substr(1)));
    return;
  }
  ASSERT_TRUE(outcomes.ok()) << outcomes.error().message();
  EXPECT_EQ(outcomes.value().front().passed, want.empty());
  EXPECT_EQ(outcomes.value().front().why, want);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, DataTestsTest,
    testing::Values(
        DataTestCase{"Unique", Of(Kind::kUnique, {"id"}), ""},
        DataTestCase{"NotUnique", Of(Kind::kUnique, {"mail"}),
                     "2 rows, such as (mail: a, rows: 2)"},
        DataTestCase{"UniqueTogether", Of(Kind::kUnique, {"mail", "uf"}), ""},
        DataTestCase{"UniqueWhere", Where(Of(Kind::kUnique, {"mail"}), "id < 3 -- few"), ""},
        DataTestCase{"NotNull", Of(Kind::kNotNull, {"id"}), ""},
        DataTestCase{"Null", Of(Kind::kNotNull, {"mail", "uf"}),
                     "2 rows, such as (id: 2, mail: NULL, uf: RJ), (id: 4, mail: NULL, uf: NULL)"},
        DataTestCase{"NullWhere", Where(Of(Kind::kNotNull, {"uf"}), "mail = 'a'"), ""},
        DataTestCase{"Accepted", Accepted("uf", {"SP", "RJ", "XX"}), ""},
        DataTestCase{"AcceptedNumbers", Accepted("id", {"1", "2", "3", "4"}), ""},
        DataTestCase{"NotAccepted", Accepted("uf", {"SP", "RJ"}), "1 row, such as (id: 3, uf: XX)"},
        DataTestCase{"NothingAccepted", Where(Accepted("uf", {}), "id = 1"),
                     "1 row, such as (id: 1, uf: SP)"},
        DataTestCase{"Orphan", Relationships("uf", "uf"), "1 row, such as (id: 3, uf: XX)"},
        DataTestCase{"NoOrphan", Where(Relationships("uf", "uf"), "uf <> 'XX'"), ""},
        DataTestCase{"Fresh", Freshness("seen", std::chrono::hours(1)), ""},
        DataTestCase{"Stale", Freshness("seen", std::chrono::minutes(59)),
                     "the newest row is of 2026-01-10 12:00:00+00"},
        DataTestCase{"StaleDate", Freshness("born", std::chrono::hours(24)),
                     "the newest row is of 2000-01-01 00:00:00+00"},
        DataTestCase{"NoTimeAtAll", Where(Freshness("seen", std::chrono::hours(1)), "id > 2"),
                     "no row has a time there"},
        DataTestCase{"Rows", RowCount(4, 4), ""},
        DataTestCase{"TooFew", RowCount(5, {}), "4 rows; expected 5 at least"},
        DataTestCase{"TooMany", RowCount({}, 3), "4 rows; expected 3 at most"},
        DataTestCase{"Sql", Sql("SELECT * FROM `analytics.d.people` WHERE id > 10"), ""},
        DataTestCase{"SqlFails",
                     Sql("SELECT id, {{ env }} AS env FROM analytics.d.people WHERE id > 3"),
                     "1 row, such as (id: 4, env: default)"},
        DataTestCase{"NoSuchColumn", Of(Kind::kNotNull, {"name"}),
                     "!data test not_null (name) cannot be run"},
        DataTestCase{"SqlThatWrites", Sql("DELETE FROM analytics.d.people"), "!one SELECT"},
        DataTestCase{"TwoStatements", Sql("SELECT 1; DROP TABLE analytics.d.people"), "!SELECT"},
        DataTestCase{"WhereThatEscapes",
                     Where(Of(Kind::kRowCount), "true)); DROP TABLE analytics.d.people; (("),
                     "!SELECT"},
        DataTestCase{"NoFiles", Sql("SELECT * FROM read_csv('/etc/passwd')"), "!disabled"}),
    [](const auto& row) { return row.param.name; });

TEST_F(PeopleTest, SampleIsOfFiveRowsAtMost) {
  ASSERT_TRUE(warehouse_
                  .Execute("INSERT INTO analytics.d.people(id, uf) SELECT i, 'ZZ' FROM "
                           "range(100, 200) r(i)")
                  .ok());
  const auto outcomes = Run({Accepted("uf", {"SP", "RJ", "XX"})});
  const TestOutcome& outcome = outcomes.value().front();
  EXPECT_EQ(outcome.failing_rows, 100U);
  EXPECT_EQ(std::count(outcome.why.begin(), outcome.why.end(), '('), 5);
}

TEST_F(PeopleTest, EveryTestHasItsOutcome) {
  DataTest warns = RowCount(5, {});
  warns.severity = estate::Severity::kWarn;
  warns.mark = {"models/x.yaml", 3, 5};
  const auto outcomes = Run({Of(Kind::kUnique, {"id"}), warns});
  ASSERT_EQ(outcomes.value().size(), 2U);
  EXPECT_TRUE(outcomes.value()[0].passed);
  EXPECT_EQ(outcomes.value()[1].severity, estate::Severity::kWarn);
  EXPECT_EQ(outcomes.value()[1].ToString(),
            "row_count failed: 4 rows; expected 5 at least (models/x.yaml:3:5)");
}

}  // namespace
}  // namespace afluente::duck
