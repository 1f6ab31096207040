#include "cli/rows.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "data/test_duckdb.h"

namespace afluente::cli {
namespace {

std::string Printed(const std::string& sql, RowFormat format) {
  const data::TestDuckdb duckdb;
  auto query = data::QueryAsText(duckdb.connection(), sql);
  if (!query.ok()) return "failed: " + query.error().message();
  testing::internal::CaptureStdout();
  const Status printed = PrintRows(query.value(), format);
  std::fflush(stdout);
  std::string text = testing::internal::GetCapturedStdout();
  return printed.ok() ? text : "failed: " + printed.error().message();
}

std::string Csv(const std::string& sql) { return Printed(sql, RowFormat::kCsv); }
nlohmann::ordered_json Json(const std::string& sql) {
  return nlohmann::ordered_json::parse(Printed(sql, RowFormat::kJson));
}

TEST(CsvTest, QuotesWhatNeedsIt) {
  EXPECT_EQ(Csv("SELECT 1 AS id, 'São' AS city"), "id,city\r\n1,São\r\n");
  EXPECT_EQ(Csv("SELECT 'a,b' AS \"x,y\", 'say \"hi\"' AS q, 'two' || chr(10) || 'lines' AS n"),
            "\"x,y\",q,n\r\n\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\r\n");
}

TEST(CsvTest, NullIsNotTheEmptyString) {
  EXPECT_EQ(Csv("SELECT NULL AS a, '' AS b, 'NULL' AS c"), "a,b,c\r\n,\"\",NULL\r\n");
}

TEST(CsvTest, WithoutRowsThereIsAHeader) {
  EXPECT_EQ(Csv("SELECT 1 AS id, 2 AS n WHERE false"), "id,n\r\n");
}

TEST(JsonTest, NumbersThatADoubleHoldsAreNumbers) {
  EXPECT_EQ(Json("SELECT 7::INTEGER AS i, 1.5::DOUBLE AS d, true AS b, NULL AS n, 'x' AS t").dump(),
            R"([{"i":7,"d":1.5,"b":true,"n":null,"t":"x"}])");
}

struct JsonCase {
  std::string name;
  std::string value;
  std::string want;  // As JSON.
};

std::ostream& operator<<(std::ostream& out, const JsonCase& row) { return out << row.value; }

class JsonValueTest : public testing::TestWithParam<JsonCase> {};

TEST_P(JsonValueTest, LosesNothing) {
  EXPECT_EQ(Json("SELECT " + GetParam().value + " AS v")[0]["v"].dump(), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Values, JsonValueTest,
    testing::Values(JsonCase{"SmallBigint", "42::BIGINT", "42"},
                    JsonCase{"BigintAsText", "9007199254740993::BIGINT", "\"9007199254740993\""},
                    JsonCase{"Hugeint", "(-12)::HUGEINT", "-12"},
                    JsonCase{"DecimalAsText", "1.10::DECIMAL(4,2)", "\"1.10\""},
                    JsonCase{"NaN", "'nan'::DOUBLE", "\"nan\""},
                    JsonCase{"Infinity", "'-inf'::DOUBLE", "\"-inf\""},
                    JsonCase{"LargeDouble", "1e300::DOUBLE", "1e+300"},
                    JsonCase{"Date", "DATE '2026-01-02'", "\"2026-01-02\""},
                    JsonCase{"NumberInText", "'007'", "\"007\""},
                    JsonCase{"Quotes", "'a\"b\\'", R"("a\"b\\")"},
                    JsonCase{"List", "[1, 2]", "\"[1, 2]\""}),
    [](const auto& row) { return row.param.name; });

TEST(JsonTest, WithoutRowsItIsAnEmptyArray) {
  EXPECT_EQ(Json("SELECT 1 AS id WHERE false").dump(), "[]");
}

TEST(JsonTest, ColumnsOfOneNameAllArrive) {
  EXPECT_EQ(Json("SELECT 1 AS a, 2 AS a, 3 AS b, 4 AS a").dump(),
            R"([{"a":1,"a_1":2,"b":3,"a_2":4}])");
}

TEST(JsonTest, ManyRowsAreOneArray) {
  EXPECT_EQ(Json("SELECT i FROM range(5000) t(i)").size(), 5000U);
}

TEST(TableRowsTest, NumbersStandRightAndRowsAreCounted) {
  EXPECT_EQ(Printed("SELECT 7 AS id, 'Ana' AS name UNION ALL SELECT 12345, NULL ORDER BY id",
                    RowFormat::kTable),
            "   id  name\n─────  ────\n    7  Ana\n12345  NULL\n2 rows\n");
  EXPECT_EQ(Printed("SELECT 1 AS id", RowFormat::kTable), "id\n──\n 1\n1 row\n");
}

}  // namespace
}  // namespace afluente::cli
