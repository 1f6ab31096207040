// Tables that change their shape while they are followed.
#include <fmt/format.h>

#include "support/following.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CdcShapesTest : public FollowingTest {
 protected:
  CdcShapesTest() {
    Source(
        "create table t(id int primary key, small int, name varchar(5), n numeric(6,2));"
        "insert into t values (1, 10, 'a', 1.5), (2, 20, 'b', 2.5)");
    Follow("t");
    RunOk("t");
  }
};

TEST_F(CdcShapesTest, AColumnIsAddedBetweenChanges) {
  Source(
      "update t set name = 'x' where id = 1; alter table t add plan text;"
      "update t set plan = 'gold' where id = 2; insert into t values (3, 30, 'c', 3, 'new')");
  ExpectSame("t", "select id, small, name, plan from {}t order by id");
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcShapesTest, AColumnIsAddedInTheTransactionThatFillsIt) {
  Source(
      "begin; insert into t values (3, 30, 'c', 3); alter table t add plan text;"
      "update t set plan = 'p' || id; insert into t values (4, 40, 'd', 4, 'q'); commit");
  ExpectSame("t", "select id, small, name, plan from {}t order by id");
}

TEST_F(CdcShapesTest, AColumnIsAddedWithADefault) {
  Source(
      "alter table t add plan text default 'it''s \"basic\", {x}', add tags int[] default "
      "'{1,null}', "
      "add seen timestamptz default '2026-01-01 10:00-03', add raw bytea default '\\x00ff', add "
      "span int4range default '[1,5)', add nix int;"
      "insert into t(id, plan) values (3, 'gold'); update t set plan = null where id = 1");
  RunOk("t");
  EXPECT_EQ(WarehouseLines("select id, plan, tags[1]::varchar, epoch(seen)::bigint::varchar, "
                           "hex(raw), span, nix from dw.d.t order by id"),
            SourceLines("select id, plan, tags[1], extract(epoch from seen)::bigint, "
                        "upper(encode(raw, 'hex')), span, nix from t order by id"));
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcShapesTest, RowsChangeBeforeAndAfterAColumnInOneTransaction) {
  Source(
      "begin; update t set name = 'x' where id = 1; delete from t where id = 2;"
      "alter table t add plan text; update t set plan = 'gold'; insert into t values (3, 30, "
      "'c', 3, 'q'); commit");
  ExpectSame("t", "select id, small, name, plan from {}t order by id");
}

TEST_F(CdcShapesTest, AColumnIsDropped) {
  Source(
      "alter table t drop small; insert into t values (3, 'c', 3); "
      "update t set name = 'y' where id = 1");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, small, name from dw.d.t order by id"),
              ElementsAre("1|NULL|y", "2|20|b", "3|NULL|c"));
}

TEST_F(CdcShapesTest, AColumnIsRenamed) {
  Source("alter table t rename name to title; update t set title = 'y' where id = 1");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, title from dw.d.t order by id"),
              ElementsAre("1|y", "2|NULL"));
  // Rows that did not change since have the value under the old name.
  RunOk("t", {"--full-refresh"});
  ExpectSame("t", "select id, title from {}t order by id");
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcShapesTest, TypesAreWidenedWhileChangesCome) {
  Source(
      "update t set small = 11 where id = 1; alter table t alter small type bigint, alter name "
      "type text, alter n type numeric(20,4);"
      "insert into t values (3, 9000000000, 'longer text', 12345678.1234);"
      "update t set small = 9000000001 where id = 2");
  ExpectSame("t", "select id, small, name, n from {}t order by id");
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcShapesTest, ATypeThatDoesNotFitTakesANewCopy) {
  Source(
      "alter table t alter small type date using date '2020-01-01' + small;"
      "insert into t values (3, '2020-02-02', 'c', 1)");
  ExpectSame("t", "select id, small, name from {}t order by id");
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcShapesTest, AColumnWithoutABinaryFormIsAddedWhileChangesCome) {
  Source(
      "insert into t values (3, 30, 'c', 3); alter table t add span int4range, add addr inet;"
      "insert into t values (4, 40, 'd', 4, '[1,5)', '10.0.0.0/8')");
  ExpectSame("t", "select id, small, name, n, span, addr from {}t order by id");
  Source("alter table t drop span, drop addr; insert into t values (5, 50, 'e', 5)");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, small, span from dw.d.t where id > 3 order by id"),
              ElementsAre("4|40|[1,5)", "5|50|NULL"));
}

TEST_F(CdcShapesTest, ATableIsRenamed) {
  Source(
      "insert into t values (3, 30, 'c', 3); alter table t rename to t2;"
      "insert into t2 values (4, 40, 'd', 4)");
  RunFails("t", 1, {"public.t", "does not exist"});
  Declare("t", "public.t2", "dw.d.t", "mode: cdc");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id from dw.d.t order by id"), ElementsAre("1", "2", "3", "4"));
}

TEST_F(CdcShapesTest, ATableThatWasMadeAnewIsNotTheOldOne) {
  Source(
      "drop table t; create table t(id int primary key, name text);"
      "insert into t values (1, 'before it is published')");
  for (int i = 0; i < 2; ++i) {
    const Outcome outcome = estate_.Run({"run", "t"});
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_THAT(outcome.err, HasSubstr("--full-refresh"));
  }
  RunOk("t", {"--full-refresh"});
  ExpectSame("t", "select id, name from {}t order by id");
}

TEST_F(CdcShapesTest, AShapeChangesInsideALargeTransaction) {
  estate_.SetEnv("SRC_DSN", database_->dsn() + " options='-c logical_decoding_work_mem=64kB'");
  Source(
      "begin; insert into t select i, i, 'x', 1 from generate_series(100, 5000) i;"
      "savepoint a; alter table t add gone text; insert into t select i, i, 'y', 1, 'g' from "
      "generate_series(6000, 9000) i; rollback to a;"
      "insert into t select i, i, 'z', 1 from generate_series(10000, 13000) i;"
      "alter table t add plan text; update t set plan = 'p' where id % 2 = 0; commit");
  ExpectSame("t", "select id, small, name, plan from {}t order by id");
  EXPECT_THAT(WarehouseColumns(), ElementsAre("id INTEGER", "small INTEGER", "name VARCHAR",
                                              "n DECIMAL(6,2)", "plan VARCHAR"));
}

TEST_F(CdcShapesTest, IgnoredColumnsAndLargeValues) {
  Source(
      "create table big(id int primary key, name text, blob text);"
      "alter table big alter blob set storage external;"
      "insert into big values (1, 'a', repeat(md5('1'), 300))");
  Follow("big", "on_schema_change: ignore");
  RunOk("big");
  Source(
      "alter table big add more text; alter table big alter more set storage external;"
      "update big set more = repeat('m', 9000); ");
  RunOk("big");
  Source("update big set name = 'b'");
  RunOk("big");
  EXPECT_THAT(WarehouseLines("select id, name, length(blob) from dw.d.big"),
              ElementsAre("1|b|9600"));
}

}  // namespace
}  // namespace afluente::test
