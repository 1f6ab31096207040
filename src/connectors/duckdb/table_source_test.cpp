#include "connectors/duckdb/table_source.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "connectors/duckdb/test_warehouse.h"

namespace afluente::duck {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TableSourceTest : public testing::Test {
 protected:
  TableSourceTest() {
    integration_.source.warehouse_table = estate::TableAddress{"analytics", "d", "t"};
  }

  /// The rows of all lanes together.
  std::vector<std::string> Rows() {
    auto source = OpenTableSource(*warehouse_, integration_, progress_);
    if (!source.ok()) return {"failed: " + source.error().message()};
    std::vector<std::string> rows;
    for (int lane = 0; lane < source.value()->lanes(); ++lane) {
      const auto reader = source.value()->OpenLane({});
      for (auto& row : warehouse_.Rows("SELECT * FROM " + reader.value()->sql())) {
        rows.push_back(std::move(row));
      }
    }
    return rows;
  }

  TestWarehouse warehouse_;
  estate::Integration integration_;
  pipeline::Progress progress_;
};

TEST_F(TableSourceTest, TypesBecomeThoseThatTravel) {
  ASSERT_TRUE(
      warehouse_
          .Execute("CREATE SCHEMA analytics.d; CREATE TABLE analytics.d.t AS SELECT "
                   "1::UTINYINT AS a, 2::UBIGINT AS b, 3::HUGEINT AS c, {'x': 1} AS d, "
                   "'u'::ENUM ('u') AS e, MAP {'k': 1} AS f, '2026-01-01'::TIMESTAMP_S AS g, "
                   "[1, 2]::INTEGER[2] AS h, [1]::INTEGER[] AS i")
          .ok());
  EXPECT_THAT(Rows(), ElementsAre("1|2|3|{\"x\":1}|u|{\"k\":1}|2026-01-01 00:00:00|[1,2]|[1]"));
  const auto source = OpenTableSource(*warehouse_, integration_, progress_);
  std::string types;
  for (const data::Column& column : source.value()->schema()) {
    types += column.type.DuckdbName() + " ";
  }
  EXPECT_EQ(types, "SMALLINT DECIMAL(20,0) VARCHAR JSON VARCHAR JSON TIMESTAMP JSON INTEGER[] ");
}

TEST_F(TableSourceTest, LanesTogetherHaveEveryRowOnce) {
  ASSERT_TRUE(warehouse_
                  .Execute("CREATE SCHEMA analytics.d; CREATE TABLE analytics.d.t AS SELECT i FROM "
                           "range(10001) AS r(i); DELETE FROM analytics.d.t WHERE i % 7 = 0")
                  .ok());
  integration_.parallel = 3;
  integration_.where = "i >= 10 -- not the first ones";
  const auto rows = Rows();
  EXPECT_EQ(rows.size(), 10001U - 10U - 1429U + 2U);
  EXPECT_EQ(std::set<std::string>(rows.begin(), rows.end()).size(), rows.size());
  EXPECT_EQ(progress_.rows, rows.size());
}

TEST_F(TableSourceTest, WhatIsMissingIsNamed) {
  ASSERT_TRUE(
      warehouse_.Execute("CREATE SCHEMA analytics.d; CREATE TABLE analytics.d.tt(a INT)").ok());
  EXPECT_THAT(Rows().front(), HasSubstr("did you mean \"analytics.d.tt\"?"));
  integration_.source.warehouse_table->table = "tt";
  integration_.columns["b"] = {};
  EXPECT_THAT(Rows().front(), HasSubstr("column \"b\" is not in analytics.d.tt"));
}

TEST_F(TableSourceTest, AViewIsReadInOneLane) {
  ASSERT_TRUE(
      warehouse_.Execute("CREATE SCHEMA analytics.d; CREATE VIEW analytics.d.t AS SELECT 1 AS a")
          .ok());
  EXPECT_THAT(Rows(), ElementsAre("1"));
}

}  // namespace
}  // namespace afluente::duck
