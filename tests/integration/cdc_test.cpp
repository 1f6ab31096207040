// Changes of rows: whatever a transaction did, the warehouse shows what the source shows.
#include <fmt/format.h>

#include "support/following.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;

constexpr const char* kAll = "select id, name, md5(blob) from {}t order by id";

/// A table whose blob is stored out of line and never compressed.
class CdcTest : public FollowingTest {
 protected:
  CdcTest() {
    Source(
        "create table t(id int primary key, name text, blob text);"
        "alter table t alter blob set storage external;"
        "insert into t select i, 'name ' || i, repeat(md5(i::text), 300) from "
        "generate_series(1, 5) i");
    Follow("t");
  }
  /// A connection whose transactions the server sends before they commit.
  void SendLargeTransactionsEarly() {
    estate_.SetEnv("SRC_DSN", database_->dsn() + " options='-c logical_decoding_work_mem=64kB'");
  }
};

TEST_F(CdcTest, CopiesFirstAndFollowsThen) {
  EXPECT_EQ(RunOk("t").rows, 5);
  EXPECT_THAT(WarehouseLines("select id, name from dw.d.t order by id"),
              ElementsAre("1|name 1", "2|name 2", "3|name 3", "4|name 4", "5|name 5"));
  Source(
      "insert into t values (6, 'six', 'x'), (7, null, null);"
      "update t set name = 'one' where id = 1; delete from t where id = 2");
  ExpectSame("t", kAll);
  Source("truncate t; insert into t values (9, 'nine', null)");
  ExpectSame("t", kAll);
  Source("truncate t");
  ExpectSame("t", kAll);
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcTest, WithNothingNewNothingIsWritten) {
  RunOk("t");
  Source("insert into t values (6, 'six', 'x')");
  RunOk("t");
  const auto checkpoint = [&] {
    return WarehouseLines(
        "select position, committed_at::varchar from dw._afluente.checkpoints order by 1");
  };
  const auto before = checkpoint();
  for (int i = 0; i < 2; ++i) {
    const RunReport report = RunOk("t");
    EXPECT_EQ(report.rows, 0);
    EXPECT_EQ(report.entry.value("rows_written", 0), 0) << report.entry.dump();
  }
  // The server writes to its log now and then; then the position moves, and nothing else.
  if (checkpoint() != before) std::cout << "the log moved on by itself\n";
  EXPECT_THAT(WarehouseLines("select count(*)::varchar from dw.d.t"), ElementsAre("6"));
}

TEST_F(CdcTest, TheSlotForgetsWhatTheWarehouseHas) {
  RunOk("t");
  Source("insert into t select i, 'x', repeat(md5(i::text), 300) from generate_series(10, 500) i");
  const std::string end = database_->Value("select pg_current_wal_lsn()");
  RunOk("t");
  EXPECT_EQ(database_->Value(fmt::format("select confirmed_flush_lsn >= '{}' from "
                                         "pg_replication_slots where database = '{}'",
                                         end, database_->name())),
            "t");
}

TEST_F(CdcTest, AnUnchangedLargeValueStays) {
  RunOk("t");
  Source("update t set name = 'changed' where id <= 3");
  ExpectSame("t", kAll);
  Source("alter table t replica identity full");
  estate_.Integration("t",
                      "source: { connection: src, table: public.t }\n"
                      "destination: { table: dw.d.t, key: [id] }\nmode: cdc\n");
  Source(
      "update t set name = 'changed again'; update t set name = 'twice' where id = 2;"
      "delete from t where id = 3");
  ExpectSame("t", kAll);
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcTest, AnUnchangedLargeValueGoesWithItsKey) {
  RunOk("t");
  Source("update t set id = id + 100");
  ExpectSame("t", kAll);
  // Chains, exchanges and a value that changed on the way, in one transaction.
  Source(
      "begin; update t set id = 0 where id = 101; update t set id = 101 where id = 102;"
      "update t set id = 102 where id = 0; update t set id = 200, blob = 'new' where id = 103;"
      "update t set id = 201, name = 'x' where id = 200; delete from t where id = 104;"
      "update t set id = 104 where id = 105; commit");
  ExpectSame("t", kAll);
  // The same, spread over transactions that are applied together.
  for (int i = 0; i < 5; ++i) {
    Source(fmt::format("update t set id = {} where id = {}; update t set name = 'step {}'",
                       300 + i + 1, i == 0 ? 101 : 300 + i, i));
  }
  ExpectSame("t", kAll);
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcTest, InsertedUpdatedAndDeletedAtOnce) {
  RunOk("t");
  Source(
      "begin; insert into t values (10, 'a', repeat(md5('a'), 300)); update t set name = 'b' "
      "where id = 10; insert into t values (11, 'gone', null); delete from t where id = 11;"
      "delete from t where id = 1; insert into t values (1, 'again', null);"
      "update t set id = 12 where id = 10; commit");
  ExpectSame("t", kAll);
}

TEST_F(CdcTest, WhatWasRolledBackNeverComes) {
  RunOk("t");
  Source(
      "begin; insert into t values (20, 'kept', null); savepoint a; insert into t values (21, "
      "'gone', null); savepoint b; update t set name = 'gone'; rollback to b; delete from t; "
      "rollback to a; insert into t values (22, 'kept', null); savepoint c; update t set name = "
      "'kept too' where id = 20; release c; commit;"
      "begin; truncate t; insert into t values (99, 'gone', null); rollback");
  ExpectSame("t", kAll);
}

TEST_F(CdcTest, ALargeTransactionWithAbortedParts) {
  RunOk("t");
  SendLargeTransactionsEarly();
  Source(
      "begin; insert into t select i, 'kept', md5(i::text) from generate_series(1000, 9000) i;"
      "savepoint a; insert into t select i, 'gone', md5(i::text) from generate_series(10000, "
      "14000) "
      "i; savepoint b; update t set name = 'gone' where id < 5000; rollback to a;"
      "insert into t select i, 'kept', md5(i::text) from generate_series(20000, 24000) i;"
      "savepoint c; delete from t where id % 3 = 0; release c;"
      "savepoint d; update t set id = id + 100000 where id % 7 = 0; rollback to d;"
      "update t set name = 'last' where id % 11 = 0; commit");
  ExpectSame("t", kAll);
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcTest, LargeTransactionsAtTheSameTime) {
  RunOk("t");
  SendLargeTransactionsEarly();
  PgSession other(database_->dsn());
  PgSession third(database_->dsn());
  other.Exec("begin");
  third.Exec("begin");
  for (int i = 0; i < 10; ++i) {
    const auto rows = [&](int first) {
      return fmt::format(
          "insert into t select {0} + i, 'x', md5(i::text) from generate_series({1}, {2}) i", first,
          i * 500 + 1, i * 500 + 500);
    };
    other.Exec(rows(100'000));
    Source(rows(200'000));
    third.Exec(rows(300'000));
  }
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select count(*)::varchar from dw.d.t"), ElementsAre("5005"));
  third.Exec("rollback");
  Source("update t set name = 'between' where id = 1");
  other.Exec("update t set name = 'other' where id > 100000 and id % 2 = 0; commit");
  ExpectSame("t", kAll);
}

TEST_F(CdcTest, ATransactionLargerThanASet) {
  // Of more than 48 MB, sent early and not: it is applied in parts, visible at once.
  Source("alter table t alter blob set storage plain");
  RunOk("t");
  for (const bool early : {false, true}) {
    if (early) SendLargeTransactionsEarly();
    Source(fmt::format(
        "begin; insert into t select {0} + i, 'x', repeat(md5(i::text), 40) from "
        "generate_series(1, 60000) i; update t set name = 'y' where id % 10 = 0;"
        "delete from t where id % 4 = 0; update t set id = id + 1000000 where id % 5 = 0 and id < "
        "{0} + 1000000; commit",
        early ? 20'000'000 : 100'000));
    ExpectSame("t", "select count(*), sum(id), sum(length(blob)), min(name) from {}t");
  }
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcTest, AnOpenTransactionDoesNotHoldTheRunUp) {
  RunOk("t");
  PgSession other(database_->dsn());
  other.Exec("begin; insert into t values (50, 'open', null)");
  Source("insert into t values (51, 'committed', null)");
  const Outcome outcome = estate_.Run({"run", "t"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  std::cout << "with an open transaction a run took " << outcome.wall.count() << " ms\n";
  EXPECT_LT(outcome.wall.count(), 30'000);
  other.Exec("commit");
  ExpectSame("t", kAll);
}

TEST_F(CdcTest, KeysOfSeveralColumnsAndOfText) {
  Source(
      "create table pairs(a text, b int, v text, primary key (b, a));"
      "insert into pairs values ('x', 1, 'one'), ('X', 1, 'two'), ('', 1, 'three'), ('é 📱', 2, "
      "'four'), (e'a\\nb''c', 3, 'five'), (repeat('k', 2000), 4, 'six')");
  Follow("pairs");
  const std::string all = "select md5(a), b, v from {}pairs order by 2, 1";
  ExpectSame("pairs", all);
  Source(
      "update pairs set v = upper(v); delete from pairs where a = 'X'; update pairs set a = 'x2' "
      "where a = 'x'; update pairs set b = 9 where a = ''; insert into pairs values ('X', 1, "
      "'new')");
  ExpectSame("pairs", all);
  EXPECT_EQ(Differences("pairs"), 0);
}

// The key itself is stored out of line: an update does not send it again.
TEST_F(CdcTest, AKeyThatIsStoredOutOfLine) {
  Source(
      "create table longkey(k text primary key, v int);"
      "alter table longkey alter k set storage external;"
      "insert into longkey select repeat(chr(64 + i), 2500), i from generate_series(1, 5) i");
  Follow("longkey");
  const std::string all = "select md5(k), v from {}longkey order by 2";
  ExpectSame("longkey", all);
  Source(
      "update longkey set v = v + 10; delete from longkey where v = 13;"
      "update longkey set k = 'short' where v = 12");
  ExpectSame("longkey", all);
}

TEST_F(CdcTest, OtherKeysThanThePrimaryOne) {
  Source(
      "create table coded(id int primary key, code text not null, v text);"
      "create unique index coded_code on coded(code);"
      "alter table coded replica identity using index coded_code;"
      "insert into coded values (1, 'a', 'x'), (2, 'b', 'y')");
  Declare("coded", "public.coded", "dw.d.coded, key: [code]", "mode: cdc");
  const std::string all = "select id, code, v from {}coded order by id";
  ExpectSame("coded", all);
  Source(
      "update coded set id = 5 where id = 1; update coded set code = 'c' where id = 2;"
      "delete from coded where code = 'a'");
  ExpectSame("coded", all);
}

TEST_F(CdcTest, MasksAndRenames) {
  Source(
      "create table people(id int primary key, phone text, name text, note text);"
      "insert into people values (1, '5511999990001', 'Ana', 'x')");
  Declare("people", "public.people", "dw.d.people",
          "mode: cdc\ncolumns:\n  phone: { mask: hash, rename: phone_hash }\n"
          "  name: { mask: last4 }\n  id: { rename: person }\n  note: { exclude: true }\n");
  const Outcome first = estate_.Run({"run", "people"});
  ASSERT_EQ(first.exit_code, 0) << first.ToString();
  Source(
      "insert into people values (2, '5511999990001', 'Beatriz', 'y');"
      "update people set name = 'Ana Clara' where id = 1");
  RunOk("people");
  EXPECT_THAT(WarehouseColumns("people"),
              ElementsAre("person INTEGER", "phone_hash VARCHAR", "name VARCHAR"));
  EXPECT_THAT(WarehouseLines("select person, name, count(*) over (partition by phone_hash), "
                             "phone_hash like '%9999%' from dw.d.people order by 1"),
              ElementsAre("1|***lara|2|false", "2|***triz|2|false"));
  Source("delete from people where id = 1; update people set id = 3 where id = 2");
  RunOk("people");
  EXPECT_THAT(WarehouseLines("select person from dw.d.people"), ElementsAre("3"));
}

TEST_F(CdcTest, ATransformDropsAndMultipliesRows) {
  Source(
      "create table tagged(id int primary key, tags text[], ok bool);"
      "alter table tagged replica identity full;"
      "insert into tagged values (1, '{a,b}', true), (2, '{c}', false), (3, '{}', true)");
  Declare("tagged", "public.tagged", "dw.d.tagged, key: [id]",
          "mode: cdc\ntransform: |\n  SELECT id, unnest(tags) AS tag FROM batch WHERE ok\n");
  RunOk("tagged");
  const std::string all = "select id, tag from dw.d.tagged order by 1, 2";
  EXPECT_THAT(WarehouseLines(all), ElementsAre("1|a", "1|b"));
  Source("update tagged set ok = not ok; insert into tagged values (4, '{x,y,z}', true)");
  RunOk("tagged");
  EXPECT_THAT(WarehouseLines(all), ElementsAre("2|c", "4|x", "4|y", "4|z"));
  Source("update tagged set tags = '{q}' where id = 4; delete from tagged where id = 2");
  RunOk("tagged");
  EXPECT_THAT(WarehouseLines(all), ElementsAre("4|q"));
}

TEST_F(CdcTest, PartitionsComeThroughTheirRoot) {
  Source(
      "create table parts(id int, region text, v text, primary key (id, region)) partition by "
      "list (region);"
      "create table parts_n partition of parts for values in ('n');"
      // Its columns stand in another order.
      "create table parts_s(v text, region text not null, id int not null);"
      "alter table parts attach partition parts_s for values in ('s');"
      "insert into parts select i, case when i % 2 = 0 then 'n' else 's' end, 'v' || i from "
      "generate_series(1, 10) i");
  Follow("parts");
  const std::string all = "select id, region, v from {}parts order by 1, 2";
  ExpectSame("parts", all);
  Source(
      "insert into parts values (11, 's', 'new'); update parts set v = 'changed' where id <= 4;"
      "update parts set region = 'n' where id = 1; delete from parts where id in (5, 6);"
      "create table parts_w partition of parts for values in ('w');"
      "insert into parts values (12, 'w', 'west')");
  ExpectSame("parts", all);
  Source("alter table parts add plan text default 'basic'; insert into parts values (13, 'w')");
  ExpectSame("parts", "select id, plan from {}parts order by 1");
  Source("truncate parts; insert into parts values (1, 'w', 'only')");
  ExpectSame("parts", all);
  EXPECT_EQ(Differences("parts"), 0);
}

}  // namespace
}  // namespace afluente::test
