#include "data/duckdb_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/test_duckdb.h"

namespace afluente::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct KindCase {
  std::string name;
  duckdb_error_type type;
  std::string message;
  ErrorKind want;
};

std::ostream& operator<<(std::ostream& out, const KindCase& row) { return out << row.name; }

class KindOfDuckErrorTest : public testing::TestWithParam<KindCase> {};

TEST_P(KindOfDuckErrorTest, Maps) {
  EXPECT_EQ(KindOfDuckError(GetParam().type, GetParam().message), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, KindOfDuckErrorTest,
    testing::Values(KindCase{"Interrupt", DUCKDB_ERROR_INTERRUPT, "Interrupted!",
                             ErrorKind::kCancelled},
                    KindCase{"Conflict", DUCKDB_ERROR_TRANSACTION, "Conflict on tuple deletion!",
                             ErrorKind::kTransient},
                    KindCase{"OtherTransaction", DUCKDB_ERROR_TRANSACTION,
                             "no transaction is active", ErrorKind::kInternal},
                    KindCase{"NoTable", DUCKDB_ERROR_CATALOG, "", ErrorKind::kNotFound},
                    KindCase{"NoColumn", DUCKDB_ERROR_BINDER, "", ErrorKind::kNotFound},
                    KindCase{"Cast", DUCKDB_ERROR_CONVERSION, "", ErrorKind::kConversion},
                    KindCase{"Overflow", DUCKDB_ERROR_OUT_OF_RANGE, "", ErrorKind::kConversion},
                    KindCase{"Syntax", DUCKDB_ERROR_PARSER, "", ErrorKind::kInvalidConfig},
                    KindCase{"Permission", DUCKDB_ERROR_PERMISSION, "", ErrorKind::kInvalidConfig},
                    KindCase{"Internal", DUCKDB_ERROR_INTERNAL, "", ErrorKind::kInternal},
                    KindCase{"Disk", DUCKDB_ERROR_IO, "", ErrorKind::kInternal}),
    [](const auto& row) { return row.param.name; });

// What DuckDB really says, not what we think it says.
struct StatementCase {
  std::string name;
  std::string sql;
  ErrorKind want;
};

std::ostream& operator<<(std::ostream& out, const StatementCase& row) { return out << row.sql; }

class FailedStatementTest : public testing::TestWithParam<StatementCase> {};

TEST_P(FailedStatementTest, HasItsKindAndNoSqlInItsText) {
  const TestDuckdb duckdb;
  const auto failed = Query(duckdb.connection(), GetParam().sql);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), GetParam().want) << failed.error().message();
  EXPECT_THAT(failed.error().message(), Not(HasSubstr("LINE 1")));
}

INSTANTIATE_TEST_SUITE_P(
    Statements, FailedStatementTest,
    testing::Values(StatementCase{"NoTable", "SELECT * FROM contacts", ErrorKind::kNotFound},
                    StatementCase{"NoColumn", "SELECT urn FROM range(3)", ErrorKind::kNotFound},
                    StatementCase{"Syntax", "SELEC 1", ErrorKind::kInvalidConfig},
                    StatementCase{"Cast", "SELECT 'x'::INTEGER", ErrorKind::kConversion},
                    StatementCase{"Overflow", "SELECT 2147483647::INTEGER + 1::INTEGER",
                                  ErrorKind::kConversion}),
    [](const auto& row) { return row.param.name; });

std::vector<std::string> Texts(TextQuery& query) {
  std::vector<std::string> rows;
  const Status read = ForEachRow(query.result, [&](const std::vector<Cell>& row) {
    std::string& text = rows.emplace_back();
    for (const Cell& cell : row) text += (cell.valid ? cell.text : "NULL") + ";";
  });
  if (!read.ok()) rows.push_back("failed: " + read.error().message());
  return rows;
}

TEST(QueryAsTextTest, KeepsNamesAndTypesAndGivesText) {
  const TestDuckdb duckdb;
  auto query = QueryAsText(duckdb.connection(),
                           "SELECT 1::BIGINT AS id, NULL::DATE AS \"Day\", 'São' AS city, "
                           "[1, NULL]::INTEGER[] AS list");
  ASSERT_TRUE(query.ok()) << query.error().message();
  EXPECT_THAT(query.value().names, ElementsAre("id", "Day", "city", "list"));
  EXPECT_THAT(query.value().types, ElementsAre(DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_DATE,
                                               DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_LIST));
  EXPECT_THAT(Texts(query.value()), ElementsAre("1;NULL;São;[1, NULL];"));
}

TEST(QueryAsTextTest, StreamsManyRowsInOrder) {
  const TestDuckdb duckdb;
  auto query = QueryAsText(duckdb.connection(), "SELECT i FROM range(10000) t(i) ORDER BY i DESC");
  ASSERT_TRUE(query.ok());
  const auto rows = Texts(query.value());
  ASSERT_EQ(rows.size(), 10'000U);
  EXPECT_EQ(rows.front(), "9999;");
  EXPECT_EQ(rows.back(), "0;");
}

struct FormCase {
  std::string name;
  std::string sql;
};

std::ostream& operator<<(std::ostream& out, const FormCase& row) { return out << row.sql; }

class QueryAsTextFormTest : public testing::TestWithParam<FormCase> {};

TEST_P(QueryAsTextFormTest, IsAQuery) {
  const TestDuckdb duckdb;
  ASSERT_TRUE(Execute(duckdb.connection(), "CREATE TABLE one AS SELECT 1 AS a").ok());
  auto query = QueryAsText(duckdb.connection(), GetParam().sql);
  ASSERT_TRUE(query.ok()) << query.error().message();
  EXPECT_EQ(Texts(query.value()).size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, QueryAsTextFormTest,
    testing::Values(FormCase{"Select", "SELECT * FROM one"}, FormCase{"FromFirst", "FROM one"},
                    FormCase{"With", "WITH x AS (FROM one) SELECT a FROM x"},
                    FormCase{"Values", "VALUES (1, 2)"}, FormCase{"Describe", "DESCRIBE one"},
                    FormCase{"ShowTables", "SHOW TABLES"}, FormCase{"Semicolon", "FROM one; \n"},
                    FormCase{"CommentAtTheEnd", "FROM one -- all of it"},
                    FormCase{"CommentBehindTheSemicolon", "SELECT '' FROM one; -- all of it"},
                    FormCase{"SameNameTwice", "SELECT a, a FROM one"}),
    [](const auto& row) { return row.param.name; });

class QueryAsTextRefusesTest : public testing::TestWithParam<FormCase> {};

TEST_P(QueryAsTextRefusesTest, AsInvalid) {
  const TestDuckdb duckdb;
  ASSERT_TRUE(Execute(duckdb.connection(), "CREATE TABLE one AS SELECT 1 AS a").ok());
  const auto query = QueryAsText(duckdb.connection(), GetParam().sql);
  ASSERT_FALSE(query.ok());
  EXPECT_EQ(query.error().kind(), ErrorKind::kInvalidConfig);
  EXPECT_THAT(duckdb.Rows("SELECT count(*) FROM one"), ElementsAre("1"));
}

INSTANTIATE_TEST_SUITE_P(
    Forms, QueryAsTextRefusesTest,
    testing::Values(FormCase{"Empty", ""}, FormCase{"OnlyAComment", "-- nothing"},
                    FormCase{"Delete", "DELETE FROM one"},
                    FormCase{"DeleteReturning", "DELETE FROM one RETURNING a"},
                    FormCase{"Create", "CREATE TABLE two AS FROM one"},
                    FormCase{"TwoStatements", "FROM one; DELETE FROM one"},
                    FormCase{"Breakout", "SELECT 1) ; DELETE FROM one; SELECT (1"},
                    FormCase{"Syntax", "SELEC 1"}),
    [](const auto& row) { return row.param.name; });

TEST(QueryAsTextTest, FailsWhileItYieldsRows) {
  const TestDuckdb duckdb;
  auto query = QueryAsText(duckdb.connection(),
                           "SELECT CASE WHEN i < 9000 THEN i ELSE error('boom') END "
                           "FROM range(10000) t(i)");
  const bool failed =
      !query.ok() || !ForEachRow(query.value().result, [](const std::vector<Cell>&) {}).ok();
  EXPECT_TRUE(failed);
}

TEST(ExecuteTest, RunsSeveralStatementsAndStopsAtTheFirstFailure) {
  const TestDuckdb duckdb;
  EXPECT_TRUE(Execute(duckdb.connection(), "CREATE TABLE a(i INT); INSERT INTO a VALUES (1)").ok());
  EXPECT_FALSE(Execute(duckdb.connection(), "INSERT INTO b VALUES (1); DROP TABLE a").ok());
  EXPECT_THAT(duckdb.Rows("FROM a"), ElementsAre("1"));
}

}  // namespace
}  // namespace afluente::data
