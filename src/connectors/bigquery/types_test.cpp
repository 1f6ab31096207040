#include "connectors/bigquery/types.h"

#include <gmock/gmock.h>

#include "data/test_duckdb.h"

namespace afluente::bigquery {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

struct Travels {
  const char* duckdb;
  const char* value;      // In DuckDB's SQL.
  const char* bigquery;   // The column's type.
  const char* file_type;  // The stage's.
  const char* file;       // What stands in the file, as DuckDB prints it.
  const char* from_stage;
};

class ColumnFormTest : public testing::TestWithParam<Travels> {};

TEST_P(ColumnFormTest, ValuesTravelExactly) {
  const Travels& one = GetParam();
  const auto form = FormOf("c", one.duckdb);
  ASSERT_TRUE(form.ok()) << form.error().message();
  EXPECT_EQ(form.value().type.BigqueryName(), one.bigquery);
  EXPECT_EQ(form.value().file_type, one.file_type);
  EXPECT_EQ(form.value().from_stage, one.from_stage);
  const data::TestDuckdb duckdb;
  EXPECT_THAT(duckdb.Rows("SELECT CAST((" + form.value().to_file + ") AS VARCHAR) FROM (SELECT " +
                          "CAST(" + one.value + " AS " + one.duckdb + ") AS c)"),
              ElementsAre(one.file));
}

INSTANTIATE_TEST_SUITE_P(
    Types, ColumnFormTest,
    testing::Values(
        Travels{"BOOLEAN", "true", "BOOL", "BOOL", "true", "`c`"},
        Travels{"SMALLINT", "-7", "INT64", "INT64", "-7", "`c`"},
        Travels{"DECIMAL(12,3)", "1.5", "NUMERIC(12,3)", "NUMERIC(12,3)", "1.500", "`c`"},
        Travels{"DECIMAL(38,20)", "1", "BIGNUMERIC(38,20)", "BIGNUMERIC(38,20)",
                "1.00000000000000000000", "`c`"},
        Travels{"UUID", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "STRING", "STRING",
                "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "`c`"},
        Travels{"JSON", "'{\"a\": 1}'", "JSON", "STRING", "{\"a\": 1}", "PARSE_JSON(`c`)"},
        Travels{"DATE", "'0001-01-01'", "DATE", "DATE", "0001-01-01", "`c`"},
        Travels{"TIMESTAMP", "'9999-12-31 23:59:59.999999'", "DATETIME", "STRING",
                "9999-12-31T23:59:59.999999", "CAST(`c` AS DATETIME)"},
        Travels{"INTERVAL", "INTERVAL '-14 months' + INTERVAL '3 days' + INTERVAL '-1 second'",
                "INTERVAL", "STRING", "-1-2 3 -0:0:1.000000", "CAST(`c` AS INTERVAL)"},
        Travels{"INTERVAL", "INTERVAL '100 hours 5 microseconds'", "INTERVAL", "STRING",
                "0-0 0 100:0:0.000005", "CAST(`c` AS INTERVAL)"},
        Travels{"VARCHAR[]", "['a', 'b']", "ARRAY<STRING>", "ARRAY<STRING>", "[a, b]", "`c`"},
        Travels{"TIMESTAMP[]", "[TIMESTAMP '2026-01-01 10:00:00']", "ARRAY<DATETIME>",
                "ARRAY<STRING>", "['2026-01-01T10:00:00.000000']",
                "ARRAY(SELECT CAST(e AS DATETIME) FROM UNNEST(`c`) AS e WITH OFFSET AS o ORDER BY "
                "o)"},
        Travels{"INTEGER[][]", "[[1, 2], [3]]", "JSON", "STRING", "[[1,2],[3]]",
                "PARSE_JSON(`c`)"}));

TEST(ColumnFormTest, ValuesThatBigQueryCannotHoldFail) {
  const data::TestDuckdb duckdb;
  for (const auto& [type, value] : {std::pair{"DATE", "'infinity'"},
                                    {"DATE", "'0044-03-15 (BC)'"},
                                    {"TIMESTAMP", "'-infinity'"},
                                    {"TIMESTAMP", "'10000-01-01'"},
                                    {"TIMESTAMP WITH TIME ZONE", "'infinity'"},
                                    {"TIME", "'24:00:00'"},
                                    {"INTEGER[]", "[1, NULL]"}}) {
    const auto form = FormOf("c", type);
    ASSERT_TRUE(form.ok());
    EXPECT_THAT(duckdb.Rows("SELECT " + form.value().to_file + " FROM (SELECT CAST(" + value +
                            " AS " + type + ") AS c)"),
                ElementsAre(AllOf(StartsWith("failed: "), HasSubstr("type: text"))))
        << type << " " << value;
  }
}

TEST(ColumnFormTest, ATypeWithoutAFormSaysSo) {
  const auto form = FormOf("c", "STRUCT(a INTEGER)");
  ASSERT_FALSE(form.ok());
  EXPECT_EQ(form.error().kind(), ErrorKind::kSchemaMismatch);
}

TEST(BigqueryNamesTest, AreQuoted) {
  EXPECT_EQ(Quoted("a-b.c.d"), "`a-b.c.d`");
  EXPECT_EQ(Quoted("a`b\\"), "`a\\`b\\\\`");
  EXPECT_EQ(Literal("it's\n\\"), "'it\\'s\\x0a\\\\'");
}

TEST(BigqueryFieldsTest, GoAndComeBack) {
  for (const auto& [sql, type] : {std::pair{"INT64", "INTEGER"},
                                  {"FLOAT64", "FLOAT"},
                                  {"BOOL", "BOOLEAN"},
                                  {"STRING", "STRING"},
                                  {"DATETIME", "DATETIME"}}) {
    const auto field = FieldOf("c", sql);
    EXPECT_EQ(field["type"], type);
    EXPECT_EQ(TypeOfField(field)->BigqueryName(), sql);
  }
  const auto numeric = FieldOf("c", "NUMERIC(12,3)");
  EXPECT_EQ(numeric["precision"], "12");
  EXPECT_EQ(numeric["scale"], "3");
  EXPECT_EQ(TypeOfField(numeric)->DuckdbName(), "DECIMAL(12,3)");
  const auto list = FieldOf("c", "ARRAY<NUMERIC(12,3)>");
  EXPECT_EQ(list["mode"], "REPEATED");
  EXPECT_EQ(TypeOfField(list)->DuckdbName(), "DECIMAL(12,3)[]");
  EXPECT_FALSE(TypeOfField({{"name", "c"}, {"type", "GEOGRAPHY"}}));
}

}  // namespace
}  // namespace afluente::bigquery
