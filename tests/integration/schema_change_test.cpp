// The source's columns change between two runs.
#include <fmt/format.h>

#include "support/movement.h"

namespace afluente::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class SchemaChangeTest : public MovementTest {
 protected:
  SchemaChangeTest() {
    Source(
        "create table t(id int, small int, n numeric(8,2), code varchar(5));"
        "insert into t values (1, 10, 1.50, 'a')");
  }
  void DeclareIncremental(const std::string& more = "") {
    Declare("mode: incremental\ncursor: [id]\n" + more);
  }
  /// A run that succeeds and says `words` on stderr.
  void RunSays(const std::vector<std::string>& words) {
    const Outcome outcome = estate_.Run({"run", "t"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
    for (const std::string& word : words) EXPECT_THAT(outcome.err + outcome.out, HasSubstr(word));
  }
};

TEST_F(SchemaChangeTest, NewColumnIsAddedAndSaid) {
  DeclareIncremental();
  RunOk("t");
  Source("alter table t add column plan text; insert into t values (2, 20, 2, 'b', 'gold')");
  RunSays({"plan"});
  EXPECT_THAT(WarehouseLines("select id, plan from dw.d.t order by id"),
              ElementsAre("1|NULL", "2|gold"));
}

TEST_F(SchemaChangeTest, NewColumnIsAddedEvenWhenNoRowIsNew) {
  DeclareIncremental();
  RunOk("t");
  Source("alter table t add column plan text");
  RunOk("t");
  Source("insert into t values (2, 20, 2, 'b', 'gold')");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, plan from dw.d.t order by id"),
              ElementsAre("1|NULL", "2|gold"));
}

TEST_F(SchemaChangeTest, WidenedTypesAreWidened) {
  DeclareIncremental();
  RunOk("t");
  Source(
      "alter table t alter small type bigint, alter n type numeric(20,4), alter code type text;"
      "insert into t values (2, 9000000000, 12345678.1234, 'longer text')");
  RunSays({"small", "BIGINT"});
  EXPECT_THAT(WarehouseColumns(),
              ElementsAre("id INTEGER", "small BIGINT", "n DECIMAL(20,4)", "code VARCHAR"));
  EXPECT_THAT(WarehouseLines("select small, n, code from dw.d.t order by id"),
              ElementsAre("10|1.5000|a", "9000000000|12345678.1234|longer text"));
}

TEST_F(SchemaChangeTest, NarrowedTypeKeepsTheWideColumn) {
  Source("alter table t alter small type bigint");
  DeclareIncremental();
  RunOk("t");
  Source("alter table t alter small type int; insert into t values (2, 20, 2, 'b')");
  RunOk("t");
  EXPECT_THAT(WarehouseColumns(), Contains("small BIGINT"));
  EXPECT_THAT(WarehouseLines("select small from dw.d.t order by id"), ElementsAre("10", "20"));
}

TEST_F(SchemaChangeTest, TypeThatDoesNotFitFailsAndTouchesNothing) {
  DeclareIncremental();
  RunOk("t");
  Source(
      "alter table t alter small type date using date '2020-01-01' + small;"
      "insert into t values (2, '2020-02-02', 2, 'b')");
  RunFails("t", 1, {"small", "--full-refresh"});
  EXPECT_THAT(WarehouseLines("select id, small from dw.d.t"), ElementsAre("1|10"));
  RunOk("t", {"--full-refresh"});
  EXPECT_THAT(WarehouseLines("select id, small from dw.d.t order by 1"),
              ElementsAre("1|2020-01-11", "2|2020-02-02"));
}

TEST_F(SchemaChangeTest, DroppedColumnKeepsItsHistory) {
  DeclareIncremental();
  RunOk("t");
  Source("alter table t drop column code; insert into t values (2, 20, 2)");
  RunSays({"code"});
  EXPECT_THAT(WarehouseLines("select id, code from dw.d.t order by id"),
              ElementsAre("1|a", "2|NULL"));
}

TEST_F(SchemaChangeTest, RenamedColumnIsANewOneAndAnOldOne) {
  DeclareIncremental();
  RunOk("t");
  Source("alter table t rename code to label; insert into t values (2, 20, 2, 'b')");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, code, label from dw.d.t order by id"),
              ElementsAre("1|a|NULL", "2|NULL|b"));
}

TEST_F(SchemaChangeTest, ColumnsInAnotherOrderLandByName) {
  DeclareIncremental();
  RunOk("t");
  Source(
      "drop table t; create table t(code varchar(5), n numeric(8,2), id int, small int);"
      "insert into t values ('b', 2, 2, 20)");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, small, n, code from dw.d.t order by id"),
              ElementsAre("1|10|1.50|a", "2|20|2.00|b"));
}

TEST_F(SchemaChangeTest, FailRefusesAndTouchesNothing) {
  DeclareIncremental("on_schema_change: fail");
  RunOk("t");
  Source("alter table t add column plan text; insert into t values (2, 20, 2, 'b', 'gold')");
  RunFails("t", 1, {"plan", "on_schema_change"});
  EXPECT_THAT(WarehouseLines("select id from dw.d.t"), ElementsAre("1"));
  EXPECT_THAT(WarehouseColumns(), Not(Contains("plan VARCHAR")));
}

TEST_F(SchemaChangeTest, FailRefusesAWidenedTypeAndADroppedColumnToo) {
  DeclareIncremental("on_schema_change: fail");
  RunOk("t");
  Source("alter table t alter small type bigint; insert into t values (2, 20, 2, 'b')");
  RunFails("t", 1, {"small", "on_schema_change"});
  Source("alter table t alter small type int, drop column code");
  RunFails("t", 1, {"code", "on_schema_change"});
}

TEST_F(SchemaChangeTest, IgnoreGoesOnWithTheKnownColumns) {
  DeclareIncremental("on_schema_change: ignore");
  RunOk("t");
  Source("alter table t add column plan text; insert into t values (2, 20, 2, 'b', 'gold')");
  RunOk("t");
  EXPECT_THAT(WarehouseColumns(), Not(Contains("plan VARCHAR")));
  EXPECT_THAT(WarehouseLines("select id, code from dw.d.t order by id"), ElementsAre("1|a", "2|b"));
}

TEST_F(SchemaChangeTest, SnapshotFollowsTheSource) {
  Declare("");
  RunOk("t");
  Source("alter table t add column plan text default 'free', alter small type bigint");
  RunSays({"plan"});
  EXPECT_THAT(WarehouseLines("select id, small, plan from dw.d.t"), ElementsAre("1|10|free"));
  EXPECT_THAT(WarehouseColumns(), Contains("small BIGINT"));
}

TEST_F(SchemaChangeTest, SnapshotFailRefuses) {
  Declare("on_schema_change: fail");
  RunOk("t");
  Source("alter table t add column plan text; update t set small = 11");
  RunFails("t", 1, {"plan", "on_schema_change"});
  EXPECT_THAT(WarehouseLines("select small from dw.d.t"), ElementsAre("10"));
}

TEST_F(SchemaChangeTest, RecreatedEnumAndNullabilityDoNotMatter) {
  DeclareIncremental("on_schema_change: fail");
  RunOk("t");
  Source(
      "alter table t alter code set not null, alter code type text; insert into t values (2, 20, "
      "2, 'b')");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select count(*) from dw.d.t"), ElementsAre("2"));
}

TEST_F(SchemaChangeTest, DropColumnAddColumnOfSameNameAndOtherType) {
  DeclareIncremental();
  RunOk("t");
  Source(
      "alter table t drop column code; alter table t add column code int[];"
      "insert into t values (2, 20, 2, '{1}')");
  RunFails("t", 1, {"code"});
  EXPECT_THAT(WarehouseLines("select id, code from dw.d.t"), ElementsAre("1|a"));
}

}  // namespace
}  // namespace afluente::test
