// Tables without a key that are followed: whole rows, and tables that only grow.
#include <fmt/format.h>

#include <csignal>

#include "support/serving.h"
#include "support/warehouse_file.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;

/// Every row of t, and how often it stands there.
constexpr const char* kRows =
    "select a, b, length(blob), md5(blob), count(*) from {}t group by a, b, blob order by 1, 2, 3, "
    "4, 5";

class CdcKeylessTest : public ServingTest {
 protected:
  CdcKeylessTest() {
    Source(
        "create table t(a int, b text, blob text); alter table t alter blob set storage external;"
        "alter table t replica identity full;"
        "insert into t values (1, 'x'), (1, 'x'), (1, 'x'), (2, null), (2, null), (null, null);"
        "insert into t select 3, 'b' || i, repeat(md5(i::text), 300) from generate_series(1, 3) i");
  }

  void ExpectRows() {
    ExpectSame("t", kRows);
    EXPECT_EQ(Differences("t"), 0);
  }
  void SendLargeTransactionsEarly() {
    estate_.SetEnv("SRC_DSN", database_->dsn() + " options='-c logical_decoding_work_mem=64kB'");
  }
};

TEST_F(CdcKeylessTest, OneOfSeveralEqualRowsGoes) {
  Follow("t");
  ExpectRows();
  Source("delete from t where ctid = (select min(ctid) from t where a = 1)");
  Source("update t set b = 'y' where ctid = (select min(ctid) from t where a = 1)");
  Source("delete from t where ctid = (select min(ctid) from t where a = 2)");
  Source("insert into t values (1, 'x'), (null, null), (9, 'new')");
  ExpectRows();
  Source("delete from t where a is null; update t set a = 7 where b is null");
  ExpectRows();
}

TEST_F(CdcKeylessTest, LargeValuesThatAreNotSentAgain) {
  Follow("t");
  RunOk("t");
  Source("update t set b = b || '!' where a = 3");
  ExpectRows();
  Source("update t set blob = repeat('z', 20000) where b = 'b1!'; delete from t where b = 'b2!'");
  ExpectRows();
}

TEST_F(CdcKeylessTest, ChangesThatCancelEachOther) {
  Follow("t");
  RunOk("t");
  Source(
      "begin; insert into t values (5, 'brief'); delete from t where a = 5; update t set a = 10 "
      "where a = 1; update t set a = 1 where a = 10; update t set b = b; commit");
  EXPECT_EQ(RunOk("t").entry.value("rows_written", -1), 0);
  ExpectRows();
}

TEST_F(CdcKeylessTest, Truncate) {
  Follow("t");
  RunOk("t");
  Source("begin; delete from t where a = 1; truncate t; insert into t values (1, 'x'); commit");
  ExpectRows();
  Source("truncate t");
  ExpectRows();
  Source("insert into t values (1, 'x'), (1, 'x'); delete from t where ctid = '(0,1)'");
  ExpectRows();
}

TEST_F(CdcKeylessTest, LargeTransactionsInParts) {
  SendLargeTransactionsEarly();
  Follow("t");
  RunOk("t");
  Source(
      "begin; insert into t select i % 1000, 'n', repeat('x', 100) from generate_series(1, 150000) "
      "i; savepoint s; delete from t; rollback to s; delete from t where a % 3 = 0 and b = 'n'; "
      "update t set b = 'm' where a % 5 = 0; commit");
  ExpectRows();
  Source("delete from t where ctid in (select min(ctid) from t group by a, b)");
  ExpectRows();
}

TEST_F(CdcKeylessTest, MasksRenamesAndExcludedColumns) {
  Follow("t", "columns: { b: { mask: hash }, blob: { exclude: true }, a: { rename: c } }");
  RunOk("t");
  Source(
      "delete from t where ctid = (select min(ctid) from t where a = 1); update t set b = 'q' "
      "where "
      "a = 2; update t set blob = 'z' where a = 3; update t set a = 4 where b = 'b1'");
  RunOk("t");
  EXPECT_EQ(Differences("t"), 0);
  EXPECT_EQ(WarehouseLines("select c, count(*) from dw.d.t group by c order by c nulls last"),
            SourceLines("select a, count(*) from t group by a order by a nulls last"));
}

TEST_F(CdcKeylessTest, ATransformIsAppliedToWhatGoes) {
  Follow("t", "transform: |\n  SELECT a * 2 AS a2, upper(b) AS b FROM batch WHERE a IS NOT NULL\n");
  RunOk("t");
  Source(
      "delete from t where ctid = (select min(ctid) from t where a = 1); delete from t where a is "
      "null; update t set b = 'q' where a = 2; insert into t values (null, 'z'), (8, 'h')");
  RunOk("t");
  EXPECT_EQ(WarehouseLines("select a2, b, count(*) from dw.d.t group by a2, b order by 1, 2"),
            SourceLines("select a * 2, upper(b), count(*) from t where a is not null group by 1, 2 "
                        "order by 1, 2"));
}

TEST_F(CdcKeylessTest, ValuesThatDuckdbHoldsToBeEqual) {
  Source(
      "create table v(f float8, i interval, n numeric); alter table v replica identity full;"
      "insert into v values (0.0, '1 month', 1.0), ('-0', '30 days', 1.00), ('NaN', null, 2)");
  Follow("v");
  RunOk("v");
  Source("delete from v where f::text = '-0'; update v set n = 5 where f = 'NaN'");
  RunOk("v");
  EXPECT_THAT(WarehouseLines("select f::varchar, i::varchar from dw.d.v order by f"),
              ElementsAre("0.0|1 month", "nan|NULL"));
  EXPECT_EQ(Differences("v"), 0);
}

TEST_F(CdcKeylessTest, ColumnsThatComeAndGo) {
  Follow("t");
  RunOk("t");
  Source(
      "begin; delete from t where ctid = (select min(ctid) from t where a = 1); alter table t add "
      "plan text default 'basic'; update t set b = 'p' where a = 1; insert into t values (1, 'x', "
      "null, 'gold'); commit");
  RunOk("t");
  Source("update t set plan = 'q' where a = 2");
  ExpectSame("t", "select a, b, plan, count(*) from {}t group by 1, 2, 3 order by 1, 2, 3, 4");
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcKeylessTest, ADeclaredKeyIsStillUsed) {
  Source("create table k(id int, v text); alter table k replica identity full");
  Declare("k", "public.k", "dw.d.k, key: [id]", "mode: cdc");
  RunOk("k");
  Source("insert into k values (1, 'a'), (2, 'b'); update k set v = 'c' where id = 1");
  ExpectSame("k", "select id, v from {}k order by id");
}

TEST_F(CdcKeylessTest, PartitionsSendWholeRows) {
  Source(
      "create table p(a int, b text) partition by range (a); create table p1 partition of p for "
      "values from (0) to (10); create table p2 partition of p for values from (10) to (20);"
      "alter table p replica identity full; alter table p1 replica identity full");
  Follow("p");
  RunFails("p", 2, {"partition p2 of public.p", "ALTER TABLE p2 REPLICA IDENTITY FULL"});
  Source(
      "alter table p2 replica identity full; insert into p values (1, 'x'), (1, 'x'), (11, 'y')");
  RunOk("p");
  Source("update p set a = a + 10 where a = 1; delete from p where a = 11 and b = 'y'");
  ExpectSame("p", "select a, b, count(*) from {}p group by a, b order by a, b");
  EXPECT_EQ(Differences("p"), 0);
}

TEST_F(CdcKeylessTest, FormsThatNeedNames) {
  for (const char* form : {"history", "soft_delete"}) {
    Follow("t", fmt::format("form: {}", form));
    RunFails("t", 2, {form, "has no key", "destination.key"});
  }
}

TEST_F(CdcKeylessTest, RowsThatSomebodyChangedInTheWarehouse) {
  Follow("t");
  RunOk("t");
  Source("delete from t where a = 1");
  ExecInFile(estate_.warehouse_file(), "delete from d.t where a = 1");
  RunFails("t", 1, {"3 rows that public.t has no more", "afluente resync t"});
  RunOk("t", {"--full-refresh"});
  ExpectRows();
}

TEST_F(CdcKeylessTest, BadRowsComeAndGo) {
  Source("create table n(a int, n numeric); alter table n replica identity full");
  Follow("n", "on_bad_row: dead_letter\ncolumns: { n: { type: 'DECIMAL(6,2)' } }");
  RunOk("n");
  Source("insert into n values (1, 1), (2, 1e9), (2, 1e9)");
  EXPECT_EQ(RunOk("n").entry.value("dead_letters", -1), 2);
  Source("delete from n where ctid = (select min(ctid) from n where a = 2)");
  EXPECT_EQ(RunOk("n").entry.value("dead_letters", -1), 0);
  Source("update n set n = 2 where a = 2");
  ExpectSame("n", "select a, n::int from {}n order by a");
  EXPECT_EQ(Differences("n"), 0);
}

TEST_F(CdcKeylessTest, KillsInTheMiddle) {
  SendLargeTransactionsEarly();
  Follow("t");
  RunOk("t");
  for (int round = 0; round < 6; ++round) {
    Source(fmt::format(
        "insert into t select i % 50, 'r' || i % 7, repeat('k', 50) from generate_series(1, 40000) "
        "i; delete from t where ctid in (select min(ctid) from t group by a, b); update t set b = "
        "'u{}' where a % 7 = {}",
        round, round));
    Process process(estate_.Afluente({"run", "t"}));
    if (!process.EndsWithin(std::chrono::milliseconds(150 + 150 * round))) process.Signal(SIGKILL);
    (void)process.Wait();
  }
  ExpectRows();
}

TEST_F(CdcKeylessTest, TheServiceFollowsThem) {
  Follow("t");
  ServeUntilFollowing({"t"});
  Source("update t set b = 'w' where a = 1; delete from t where a = 2");
  const auto source = SourceLines(With(kRows, "public."));
  EXPECT_TRUE(Soon([&] { return WarehouseLines(With(kRows, "dw.d.")) == source; }));
}

/// Tables whose rows are only ever inserted.
class CdcAppendTest : public ServingTest {
 protected:
  CdcAppendTest() {
    Source(
        "create table log(n int, line text); insert into log values (1, 'a'), (1, 'a');"
        "create table keyed(id int primary key, v text); insert into keyed values (1, 'k')");
  }
  void ExpectLog() {
    ExpectSame("log", "select n, line, count(*) from {}log group by 1, 2 order by 1, 2");
  }
};

TEST_F(CdcAppendTest, InsertsAndTruncateArrive) {
  Follow("log", "write: append");
  ExpectLog();
  Source("insert into log values (2, 'b'), (1, 'a')");
  ExpectLog();
  EXPECT_EQ(Differences("log"), 0);
  Source("truncate log; insert into log values (3, 'c')");
  ExpectLog();
}

// What is published with its updates may not be updated without an identity.
TEST_F(CdcAppendTest, TheApplicationMayStillUpdateAndDelete) {
  Follow("log", "write: append");
  Follow("keyed");
  RunOk("log");
  Source("update log set line = 'changed' where n = 1");
  Source("delete from log where n = 1; insert into log values (2, 'b')");
  Source("update keyed set v = 'l'");
  RunOk("log");
  EXPECT_THAT(WarehouseLines("select n, line from dw.d.log order by n, line"),
              ElementsAre("1|a", "1|a", "2|b"));
  ExpectSame("keyed", "select id, v from {}keyed order by id");
  EXPECT_THAT(SourceLines("select tablename from pg_publication_tables where pubname like "
                          "'%\\_inserts'"),
              ElementsAre("log"));
  EXPECT_THAT(SourceLines("select tablename from pg_publication_tables where pubname not like "
                          "'%\\_inserts'"),
              ElementsAre("keyed"));
}

TEST_F(CdcAppendTest, OneIsAddedToASlotThatExists) {
  Follow("keyed");
  RunOk("keyed");
  Source("update keyed set v = 'before'");
  Follow("log", "write: append");
  RunOk("log");
  Source("insert into log values (5, 'e'); update keyed set v = 'after'");
  ExpectLog();
  ExpectSame("keyed", "select id, v from {}keyed order by id");
}

TEST_F(CdcAppendTest, TheOtherKindIsAddedLater) {
  Follow("log", "write: append");
  ExpectLog();
  Source("insert into log values (5, 'e')");
  Follow("keyed");
  ExpectSame("keyed", "select id, v from {}keyed order by id");
  Source("insert into log values (6, 'f'); update keyed set v = 'after'");
  ExpectLog();
  ExpectSame("keyed", "select id, v from {}keyed order by id");
}

// A slot from before there was a second publication.
TEST_F(CdcAppendTest, ASlotThatIsOlderThanThePublicationIsMadeAnew) {
  Follow("keyed");
  RunOk("keyed");
  const std::string name =
      database_->Value("select pubname from pg_publication where pubname like '%\\_inserts'");
  Source(fmt::format("drop publication {}", name));
  Source("update keyed set v = 'missed'");
  Follow("log", "write: append");
  ExpectLog();
  ExpectSame("keyed", "select id, v from {}keyed order by id");
  Source("insert into log values (5, 'e'); update keyed set v = 'after'");
  ExpectLog();
  ExpectSame("keyed", "select id, v from {}keyed order by id");
}

TEST_F(CdcAppendTest, APublicationThatSomebodyMadeAfterTheSlot) {
  Follow("keyed");
  RunOk("keyed");
  const std::string name =
      database_->Value("select pubname from pg_publication where pubname like '%\\_inserts'");
  Source(fmt::format("drop publication {}", name));
  Source("update keyed set v = 'before'");
  Source(fmt::format("create publication {} with (publish = 'insert, truncate')", name));
  Follow("log", "write: append");
  RunFails("log", 1, {"is older than publication " + name, "pg_drop_replication_slot"});
  Source(
      "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = "
      "current_database()");
  const Outcome outcome = estate_.Run({"run", "--all", "--full-refresh"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  ExpectLog();
  ExpectSame("keyed", "select id, v from {}keyed order by id");
}

// A key that is gone takes the table out of the publication that needs one.
TEST_F(CdcAppendTest, ATableThatLostItsKey) {
  Follow("keyed");
  RunOk("keyed");
  Source("alter table keyed drop constraint keyed_pkey, alter id drop not null");
  Follow("keyed", "write: append");
  RunOk("keyed", {"--full-refresh"});
  Source("update keyed set v = 'updated'; insert into keyed values (2, 'new')");
  RunOk("keyed");
  EXPECT_THAT(WarehouseLines("select id, v from dw.d.keyed order by id"),
              ElementsAre("1|k", "2|new"));
}

TEST_F(CdcAppendTest, ReplicaIdentityNothing) {
  Source("alter table log replica identity nothing");
  Follow("log");
  RunFails("log", 2, {"REPLICA IDENTITY NOTHING", "write: append"});
  Follow("log", "write: append");
  ExpectLog();
  Source("insert into log values (2, 'b')");
  ExpectLog();
}

TEST_F(CdcAppendTest, ATableThatCanNameItsRowsIsRefused) {
  Follow("keyed", "write: append");
  RunFails("keyed", 2, {"write: append", "by their key", "remove it"});
  Source("alter table log replica identity full");
  Follow("keyed");
  Follow("log", "write: append");
  RunFails("log", 2, {"write: append", "REPLICA IDENTITY FULL", "remove it"});
}

TEST_F(CdcAppendTest, HistoryOfWhatIsInserted) {
  Follow("log", "write: append\nform: history");
  RunOk("log");
  Source("insert into log values (2, 'b')");
  RunOk("log");
  EXPECT_THAT(WarehouseLines("select n, line, _op from dw.d.log order by _lsn, _ordinal"),
              ElementsAre("1|a|snapshot", "1|a|snapshot", "2|b|insert"));
  EXPECT_EQ(Differences("log"), 0);
}

TEST_F(CdcAppendTest, LargeTransactionsArriveOnce) {
  estate_.SetEnv("SRC_DSN", database_->dsn() + " options='-c logical_decoding_work_mem=64kB'");
  Follow("log", "write: append");
  RunOk("log");
  Source("insert into log select i, 'many' from generate_series(1, 60000) i");
  Process process(estate_.Afluente({"run", "log"}));
  if (!process.EndsWithin(std::chrono::milliseconds(400))) process.Signal(SIGKILL);
  (void)process.Wait();
  ExpectLog();
}

}  // namespace
}  // namespace afluente::test
