#include "connectors/postgres/libpq.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace afluente::postgres {
namespace {

struct SqlstateCase {
  std::string name;
  std::string sqlstate;
  ErrorKind want;
};

std::ostream& operator<<(std::ostream& out, const SqlstateCase& row) { return out << row.sqlstate; }

class SqlstateTest : public testing::TestWithParam<SqlstateCase> {};

TEST_P(SqlstateTest, MapsToKind) {
  EXPECT_EQ(KindOfSqlstate(GetParam().sqlstate), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Postgres, SqlstateTest,
    testing::Values(SqlstateCase{"NoAnswer", "", ErrorKind::kTransient},
                    SqlstateCase{"ConnectionFailure", "08006", ErrorKind::kTransient},
                    SqlstateCase{"TooManyConnections", "53300", ErrorKind::kTransient},
                    SqlstateCase{"DiskFull", "53100", ErrorKind::kTransient},
                    SqlstateCase{"Serialization", "40001", ErrorKind::kTransient},
                    SqlstateCase{"Deadlock", "40P01", ErrorKind::kTransient},
                    SqlstateCase{"AdminShutdown", "57P01", ErrorKind::kTransient},
                    SqlstateCase{"StartingUp", "57P03", ErrorKind::kTransient},
                    SqlstateCase{"LockNotAvailable", "55P03", ErrorKind::kTransient},
                    SqlstateCase{"QueryCancelled", "57014", ErrorKind::kTransient},
                    SqlstateCase{"BadPassword", "28P01", ErrorKind::kUnauthorized},
                    SqlstateCase{"NoRole", "28000", ErrorKind::kUnauthorized},
                    SqlstateCase{"NoPrivilege", "42501", ErrorKind::kUnauthorized},
                    SqlstateCase{"NoSuchTable", "42P01", ErrorKind::kNotFound},
                    SqlstateCase{"NoSuchColumn", "42703", ErrorKind::kNotFound},
                    SqlstateCase{"NoSuchDatabase", "3D000", ErrorKind::kNotFound},
                    SqlstateCase{"NoSuchSchema", "3F000", ErrorKind::kNotFound},
                    SqlstateCase{"BadInteger", "22P02", ErrorKind::kConversion},
                    SqlstateCase{"Unique", "23505", ErrorKind::kConversion},
                    SqlstateCase{"Syntax", "42601", ErrorKind::kInvalidConfig},
                    SqlstateCase{"NeverHeardOf", "ZZ999", ErrorKind::kInternal},
                    SqlstateCase{"InternalError", "XX000", ErrorKind::kInternal},
                    SqlstateCase{"OneLetter", "2", ErrorKind::kInternal}),
    [](const auto& row) { return row.param.name; });

TEST(ConnectTest, ADsnThatDoesNotParseIsNotRepeated) {
  const auto failed = Connect("host=db password='hunter2", {});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kInvalidConfig);
  EXPECT_THAT(failed.error().message(), testing::Not(testing::HasSubstr("hunter2")));
}

TEST(ConnectTest, NobodyAnswersIsTransient) {
  const auto failed = Connect("host=/nowhere dbname=x password=hunter2", {});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kTransient);
  EXPECT_THAT(failed.error().message(), testing::Not(testing::HasSubstr("hunter2")));
}

TEST(ConnectTest, AnOverrideWinsOverTheDsn) {
  const auto failed = Connect("host=/nowhere dbname=x", {{"host", "/elsewhere"}});
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message(), testing::HasSubstr("/elsewhere"));
}

}  // namespace
}  // namespace afluente::postgres
