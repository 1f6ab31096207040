// Mode snapshot: the destination becomes what the source is, in one step.
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "support/movement.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SnapshotTest : public MovementTest {};

TEST_F(SnapshotTest, MovesAllRowsAndReportsThem) {
  Source("create table t(id int, name text); insert into t values (1, 'ana'), (2, null)");
  Declare("");
  const RunReport report = RunOk("t");
  EXPECT_EQ(report.rows, 2);
  EXPECT_THAT(WarehouseLines("select id, name from dw.d.t order by id"),
              ElementsAre("1|ana", "2|NULL"));
  EXPECT_THAT(WarehouseColumns(), ElementsAre("id INTEGER", "name VARCHAR"));
}

TEST_F(SnapshotTest, SecondRunReplaces) {
  Source("create table t(id int, name text); insert into t values (1, 'ana'), (2, 'bia')");
  Declare("");
  RunOk("t");
  Source(
      "delete from t where id = 1; update t set name = 'bea' where id = 2; insert into t values "
      "(3, 'cid')");
  EXPECT_EQ(RunOk("t").rows, 2);
  EXPECT_THAT(WarehouseLines("select id, name from dw.d.t order by id"),
              ElementsAre("2|bea", "3|cid"));
}

TEST_F(SnapshotTest, AppendAddsEveryTime) {
  Source("create table t(id int); insert into t values (1), (2)");
  Declare("write: append");
  RunOk("t");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, count(*) from dw.d.t group by 1 order by 1"),
              ElementsAre("1|2", "2|2"));
}

TEST_F(SnapshotTest, UpsertReplacesByKeyAndKeepsTheRest) {
  Source(
      "create table t(a int, b text, v text); insert into t values (1, 'x', 'old'), (1, 'y', "
      "'old'), (2, 'x', 'gone')");
  Declare("t", "public.t", "dw.d.t, key: [a, b]", "write: upsert");
  RunOk("t");
  Source(
      "update t set v = 'new' where b = 'y'; delete from t where a = 2; insert into t values (3, "
      "'x', 'new')");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select a, b, v from dw.d.t order by 1, 2"),
              ElementsAre("1|x|old", "1|y|new", "2|x|gone", "3|x|new"));
}

TEST_F(SnapshotTest, EmptyTableArrivesWithItsColumns) {
  Source("create table t(id int, at timestamptz, tags text[])");
  Declare("");
  EXPECT_EQ(RunOk("t").rows, 0);
  EXPECT_THAT(WarehouseColumns(),
              ElementsAre("id INTEGER", "at TIMESTAMP WITH TIME ZONE", "tags VARCHAR[]"));
}

TEST_F(SnapshotTest, TableThatBecameEmptyEmptiesTheDestination) {
  Source("create table t(id int); insert into t values (1), (2)");
  Declare("");
  RunOk("t");
  Source("truncate t");
  EXPECT_EQ(RunOk("t").rows, 0);
  EXPECT_THAT(WarehouseLines("select id from dw.d.t"), IsEmpty());
}

TEST_F(SnapshotTest, WhereChoosesRows) {
  Source("create table t(id int, kind text); insert into t values (1, 'a'), (2, 'b'), (3, null)");
  Declare("where: \"kind = 'a' or kind is null -- a comment\"");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id from dw.d.t order by id"), ElementsAre("1", "3"));
}

TEST_F(SnapshotTest, HugeValuesArriveWhole) {
  Source(
      "create table t(id int, v text, b bytea, j jsonb);"
      "insert into t select i, repeat(md5(i::text), 32768), decode(repeat(md5(i::text), 32768), "
      "'hex'),"
      "  jsonb_build_object('k', repeat('x', 1000000)) from generate_series(1, 5) i;"
      "insert into t values (6, repeat('ç', 8000000), null, null)");
  Declare("");
  RunOk("t");
  const std::string sums = "select id, length(v), md5(v), length(j::{0}) from {1} order by id";
  EXPECT_EQ(WarehouseLines(fmt::format(fmt::runtime(sums), "varchar", "dw.d.t")),
            SourceLines(fmt::format(fmt::runtime(sums), "text", "t")));
  EXPECT_EQ(WarehouseLines("select id, md5(b) from dw.d.t order by id"),
            SourceLines("select id, md5(b) from t order by id"));
}

TEST_F(SnapshotTest, FiveHundredColumns) {
  std::string columns;
  std::string values;
  for (int i = 0; i < 500; ++i) {
    columns += fmt::format("{}c{} {}", i == 0 ? "" : ", ", i, i % 2 == 0 ? "int" : "text");
    values += fmt::format("{}{}", i == 0 ? "" : ", ", i % 2 == 0 ? "i" : "'v' || i");
  }
  Source(fmt::format("create table t({}); insert into t select {} from generate_series(1, 3000) i",
                     columns, values));
  Declare("");
  EXPECT_EQ(RunOk("t").rows, 3000);
  EXPECT_THAT(WarehouseLines("select sum(c0), sum(c498), max(c499), count(c250) from dw.d.t"),
              ElementsAre("4501500|4501500|v999|3000"));
  EXPECT_EQ(WarehouseColumns().size(), 500U);
}

TEST_F(SnapshotTest, BatchBoundariesLoseNothing) {
  // Around a DuckDB vector, a row group, and COPY's buffers.
  for (const int rows : {2047, 2048, 2049, 122879, 122880, 122881}) {
    Source(
        fmt::format("drop table if exists t; create table t as select i as id, 'r' || i as v, "
                    "case when i % 7 = 0 then array[i, null] end as xs "
                    "from generate_series(1, {}) i",
                    rows));
    Declare("");
    EXPECT_EQ(RunOk("t").rows, rows);
    const std::string sums =
        "select count(*), sum(id), count(xs), md5(string_agg(id || v, ',' order by id)) from ";
    EXPECT_EQ(WarehouseLines(sums + "dw.d.t"), SourceLines(sums + "t"));
  }
}

TEST_F(SnapshotTest, ParallelLanesReadEveryRowOnce) {
  Source(
      "create table t(id bigint, pad text);"
      "insert into t select i, repeat('x', 100) from generate_series(1, 200000) i;"
      "delete from t where id % 3 = 0");
  Source("vacuum t");
  Source("insert into t select -i, 'in the holes' from generate_series(1, 5000) i; analyze t");
  Declare("parallel: 4");
  RunOk("t");
  const std::string sums = "select count(*), count(distinct id), sum(id) from ";
  EXPECT_EQ(WarehouseLines(sums + "dw.d.t"), SourceLines(sums + "t"));
}

// A writer moves money between accounts all the time: whatever moment a reader
// sees, nothing is created or lost. Its updates also move rows to other pages,
// so lanes of different moments would see some twice and others never.
TEST_F(SnapshotTest, ParallelReadIsOneMoment) {
  Source(
      "create table t(id int primary key, balance int, pad text);"
      "insert into t select i, 100, repeat('x', 200) from generate_series(1, 60000) i; analyze t");
  Declare("parallel: 4");
  std::atomic<bool> stop = false;
  std::atomic<int> transfers = 0;
  std::thread writer([&] {
    PgSession session(database_->dsn());
    while (!stop) {
      const int amount = ++transfers;
      session.Exec(
          fmt::format("begin; update t set balance = balance - {0} where id % 600 = {1};"
                      "update t set balance = balance + {0} where id % 600 = {2}; commit",
                      amount % 50, amount % 600, (amount + 300) % 600));
    }
  });
  const auto until = [&](int count) {
    while (transfers < count) std::this_thread::yield();
  };
  until(5);
  for (int round = 0; round < 4; ++round) {
    RunOk("t");
    EXPECT_THAT(WarehouseLines("select count(*), count(distinct id), sum(balance) from dw.d.t"),
                ElementsAre("60000|60000|6000000"));
  }
  stop = true;
  writer.join();
  EXPECT_GT(transfers, 10);
}

// A statement that waits for the reader to end has every later one wait behind it:
// no part of the reader may stand there.
TEST_F(SnapshotTest, AStatementThatWaitsForTheReaderDoesNotHoldItUp) {
  Source(
      "create table t(id int); insert into t select i from generate_series(1, 50000) i; analyze t");
  const std::string waiting = "select from pg_locks where not granted and relation = 't'::regclass";
  for (const char* parallel : {"parallel: 1", "parallel: 3"}) {
    Declare(parallel);
    PgSession first(database_->dsn());
    first.Exec("begin; lock table t");
    Process run(estate_.Afluente({"run", "t"}));
    UntilSome(waiting);
    std::jthread behind(
        [&] { PgSession(database_->dsn()).Exec("alter table t alter id set default 1"); });
    UntilSome(waiting + " offset 1");
    first.Exec("commit");
    const Outcome outcome = run.Wait();
    EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
    EXPECT_THAT(WarehouseLines("select count(distinct id)::varchar from dw.d.t"),
                ElementsAre("50000"));
  }
}

TEST_F(SnapshotTest, RepeatedRefreshesDoNotGrowTheFileForGood) {
  Source(
      "create table t as select i as id, md5(i::text) as a, md5((i+1)::text) as b from "
      "generate_series(1, 200000) i");
  Declare("");
  RunOk("t");
  const auto first = std::filesystem::file_size(estate_.warehouse_file());
  for (int round = 0; round < 6; ++round) RunOk("t");
  EXPECT_LE(static_cast<double>(std::filesystem::file_size(estate_.warehouse_file())),
            2.5 * static_cast<double>(first));
}

TEST_F(SnapshotTest, NothingOfAStageStays) {
  Source("create table t(id int); insert into t values (1)");
  Declare("");
  RunOk("t");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select table_name from information_schema.tables "
                             "where table_catalog = 'dw' and table_schema = 'd'"),
              ElementsAre("t"));
}

TEST_F(SnapshotTest, ManyIntegrationsInOneRun) {
  Source(
      "create table a(id int); create table b(id int); insert into a values (1); insert into b "
      "values (2)");
  Declare("a", "public.a", "dw.d.a", "");
  Declare("b", "public.b", "dw.other.b", "");
  const Outcome outcome = estate_.Run({"run", "--all", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  EXPECT_EQ(ReadReport(outcome.out, "a").rows, 1);
  EXPECT_EQ(ReadReport(outcome.out, "b").rows, 1);
  EXPECT_THAT(WarehouseLines("select a.id as a_id, b.id as b_id from dw.d.a as a, dw.other.b as b"),
              ElementsAre("1|2"));
}

TEST_F(SnapshotTest, OneFailureDoesNotStopTheOthers) {
  Source("create table b(id int); insert into b values (2)");
  Declare("a", "public.missing", "dw.d.a", "");
  Declare("b", "public.b", "dw.d.b", "");
  const Outcome outcome = estate_.Run({"run", "--all"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.ToString();
  EXPECT_THAT(WarehouseLines("select id from dw.d.b"), ElementsAre("2"));
}

}  // namespace
}  // namespace afluente::test
