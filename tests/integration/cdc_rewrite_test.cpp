// Rows that change without a word in the stream: rewrites, partitions that come and go.
#include <fmt/format.h>

#include "support/serving.h"

namespace afluente::test {
namespace {

class CdcRewriteTest : public ServingTest {
 protected:
  CdcRewriteTest() {
    Source(
        "create table t(id int primary key, n int, name text);"
        "insert into t select i, i, 'n' || i from generate_series(1, 20) i;"
        "create table parts(id int primary key, v text) partition by range (id);"
        "create table parts_low partition of parts for values from (0) to (100);"
        "insert into parts values (1, 'low')");
    Follow("t");
    Follow("parts");
    RunOk("t");
  }

  bool WasCopiedAgain(const Outcome& outcome, const std::string& name) {
    return outcome.err.find(name + ": copied ") != std::string::npos;
  }
  Outcome Run() {
    Outcome outcome = estate_.Run({"run", "t"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
    return outcome;
  }
};

TEST_F(CdcRewriteTest, ATypeThatIsChangedWithAnExpression) {
  Source("alter table t alter n type int using n * 100");
  EXPECT_TRUE(WasCopiedAgain(Run(), "t"));
  ExpectSame("t", "select id, n, name from {}t order by id");
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcRewriteTest, ADefaultThatDiffersFromRowToRow) {
  Source(
      "alter table t add token text default md5(random()::text); insert into t values (99, 1, "
      "'x')");
  EXPECT_TRUE(WasCopiedAgain(Run(), "t"));
  ExpectSame("t", "select id, token from {}t order by id");
}

TEST_F(CdcRewriteTest, WhatLeavesRowsAloneIsNotCopiedAgain) {
  Source(
      "alter table t add plan text default 'basic', alter name set not null;"
      "update t set n = 0 where id = 1");
  EXPECT_FALSE(WasCopiedAgain(Run(), "t"));
  Source("vacuum full t");
  Source("update t set n = 1 where id = 1");
  EXPECT_FALSE(WasCopiedAgain(Run(), "t"));
  Source("truncate t; insert into t values (1, 1, 'one')");
  EXPECT_FALSE(WasCopiedAgain(Run(), "t"));
  Source("create table parts_high partition of parts for values from (100) to (200)");
  Source("insert into parts values (150, 'high')");
  EXPECT_FALSE(WasCopiedAgain(Run(), "parts"));
  ExpectSame("t", "select id, n, name, plan from {}t order by id");
  ExpectSame("parts", "select id, v from {}parts order by id");
}

TEST_F(CdcRewriteTest, PartitionsThatComeAndGoWithTheirRows) {
  Source("create table other(id int primary key, v text)");
  Source("insert into other values (120, 'attached')");
  Source("alter table parts attach partition other for values from (100) to (200)");
  const Outcome attached = Run();
  EXPECT_TRUE(WasCopiedAgain(attached, "parts"));
  EXPECT_FALSE(WasCopiedAgain(attached, "t"));
  ExpectSame("parts", "select id, v from {}parts order by id");
  Source("alter table parts detach partition parts_low");
  EXPECT_TRUE(WasCopiedAgain(Run(), "parts"));
  ExpectSame("parts", "select id, v from {}parts order by id");
}

TEST_F(CdcRewriteTest, WhoeverWantsNoEvolutionIsAsked) {
  estate_.Integration("t",
                      "source: { connection: src, table: public.t }\n"
                      "destination: { table: dw.d.t }\nmode: cdc\non_schema_change: fail\n");
  RunOk("t");
  Source("alter table t alter n type int using n * 100");
  RunFails("t", 1, {"on_schema_change: fail", "`afluente run t --full-refresh`"});
  EXPECT_EQ(WarehouseLines("select sum(n)::varchar from dw.d.t").front(), "210");
  RunOk("t", {"--full-refresh"});
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcRewriteTest, WhileItIsFollowedAndNothingElseHappens) {
  ServeUntilFollowing({"t", "parts"});
  Source("alter table t alter n type int using n + 1");
  EXPECT_TRUE(Soon([&] {
    return WarehouseLines("select sum(n)::varchar from dw.d.t").front() == "230";
  })) << service_->err();
  Source("insert into t values (21, 0, 'new')");
  RunOk("t");
  EXPECT_EQ(Differences("t"), 0);
  EXPECT_EQ(Differences("parts"), 0);
}

}  // namespace
}  // namespace afluente::test
