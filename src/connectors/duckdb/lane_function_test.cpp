#include "connectors/duckdb/lane_function.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/duckdb/test_warehouse.h"

namespace afluente::duck {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<TestReader::Row> Numbered(std::size_t count) {
  std::vector<TestReader::Row> rows;
  for (std::size_t i = 0; i < count; ++i) {
    rows.emplace_back(static_cast<std::int64_t>(i), "contact number " + std::to_string(i));
  }
  return rows;
}

class LaneFunctionTest : public testing::Test {
 protected:
  LaneFunctionTest() { EXPECT_TRUE(registry_.Install(duckdb_.connection()).ok()); }

  std::vector<std::string> Rows(const std::string& sql) { return duckdb_.Rows(sql); }

  LaneRegistry registry_;
  data::TestDuckdb duckdb_;
  const data::Schema schema_ = TestReader::Schema();
};

TEST_F(LaneFunctionTest, YieldsTheReadersRows) {
  TestReader reader({{1, "Ana"}, {2, std::nullopt}, {3, "a name past inlining"}});
  const LaneTable lane(registry_, &reader, schema_, 3);
  EXPECT_THAT(Rows("SELECT * FROM " + lane.sql()),
              ElementsAre("1|Ana", "2|NULL", "3|a name past inlining"));
  EXPECT_FALSE(lane.failure().has_value());
}

TEST_F(LaneFunctionTest, YieldsManyBatchesInOrder) {
  for (const std::size_t batch_rows : {std::size_t{1}, std::size_t{1000}, data::Batch::kRows}) {
    TestReader reader(Numbered(10'000), batch_rows);
    const LaneTable lane(registry_, &reader, schema_, 10'000);
    EXPECT_THAT(Rows("SELECT count(*), sum(id), max(name), "
                     "count(*) FILTER (name = 'contact number ' || id) FROM " +
                     lane.sql()),
                ElementsAre("10000|49995000|contact number 9999|10000"));
  }
}

TEST_F(LaneFunctionTest, ReadsOnlyTheColumnsThatSqlNames) {
  TestReader reader({{1, "Ana"}, {2, "Bia"}});
  const LaneTable lane(registry_, &reader, schema_, 2);
  EXPECT_THAT(Rows("SELECT upper(name) FROM " + lane.sql() + " WHERE id = 2"), ElementsAre("BIA"));
}

TEST_F(LaneFunctionTest, NoRowsAreAnEmptyTable) {
  TestReader reader({});
  const LaneTable lane(registry_, &reader, schema_, 0);
  EXPECT_THAT(Rows("SELECT count(*) FROM " + lane.sql()), ElementsAre("0"));
}

TEST_F(LaneFunctionTest, WithoutAReaderItHasItsShape) {
  const LaneTable lane(registry_, nullptr, schema_, 0);
  EXPECT_THAT(
      Rows("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM " + lane.sql() + ")"),
      ElementsAre("id|BIGINT", "name|VARCHAR"));
  EXPECT_THAT(Rows("SELECT count(*) FROM " + lane.sql()), ElementsAre("0"));
}

TEST_F(LaneFunctionTest, AnErrorInTheMiddleFailsTheStatementAndKeepsItsKind) {
  TestReader reader(Numbered(10'000), 1000);
  reader.FailAt(5000, Error(ErrorKind::kUnauthorized, "permission denied for table contacts"));
  const LaneTable lane(registry_, &reader, schema_, 10'000);
  const Status failed =
      data::Execute(duckdb_.connection(), "CREATE TABLE t AS SELECT * FROM " + lane.sql());
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message(), HasSubstr("permission denied for table contacts"));
  ASSERT_TRUE(lane.failure().has_value());
  EXPECT_EQ(lane.failure()->kind(), ErrorKind::kUnauthorized);
  EXPECT_FALSE(data::Execute(duckdb_.connection(), "SELECT * FROM t").ok());
}

TEST_F(LaneFunctionTest, AnExceptionFailsTheStatementAlone) {
  TestReader reader(Numbered(10));
  reader.ThrowAt(5);
  const LaneTable lane(registry_, &reader, schema_, 10);
  EXPECT_FALSE(data::Query(duckdb_.connection(), "SELECT * FROM " + lane.sql()).ok());
  ASSERT_TRUE(lane.failure().has_value());
  EXPECT_EQ(lane.failure()->kind(), ErrorKind::kInternal);
}

TEST_F(LaneFunctionTest, LanesDoNotMix) {
  TestReader first({{1, "Ana"}});
  TestReader second({{2, "Bia"}});
  const LaneTable one(registry_, &first, schema_, 1);
  const LaneTable two(registry_, &second, schema_, 1);
  EXPECT_NE(one.sql(), two.sql());
  EXPECT_THAT(Rows("SELECT id FROM " + two.sql()), ElementsAre("2"));
  EXPECT_THAT(Rows("SELECT id FROM " + one.sql()), ElementsAre("1"));
}

TEST_F(LaneFunctionTest, AnUnknownLaneIsRefused) {
  std::string gone;
  {
    const LaneTable lane(registry_, nullptr, schema_, 0);
    gone = lane.sql();
  }
  for (const std::string& sql : {gone, std::string("afluente_lane(-1)")}) {
    EXPECT_FALSE(data::Query(duckdb_.connection(), "SELECT * FROM " + sql).ok()) << sql;
  }
}

}  // namespace
}  // namespace afluente::duck
