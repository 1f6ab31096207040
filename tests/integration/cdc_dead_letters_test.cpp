// Rows that are followed and that the warehouse cannot hold: one row is set aside, the slot goes
// on.
#include <fmt/format.h>

#include "support/serving.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;

constexpr const char* kSetAside = "on_bad_row: dead_letter\n";
/// Column n is numeric without limits at the source, and a DECIMAL that has some here.
constexpr const char* kNarrow = "columns: { n: { type: 'DECIMAL(6,2)' } }\n";

class CdcDeadLettersTest : public ServingTest {
 protected:
  CdcDeadLettersTest() {
    Source(
        "create table t(id int primary key, n numeric, name text, blob text, tags int[]);"
        "alter table t alter blob set storage external;"
        "insert into t select i, i, 'n' || i, repeat(md5(i::text), 300), array[i] from "
        "generate_series(1, 3) i");
  }

  void FollowT(const std::string& yaml) {
    Follow("t", yaml);
    RunOk("t");
  }
  /// "key|reason's beginning|what of the row".
  std::vector<std::string> Letters(const std::string& of_row = "row->>'n'") {
    return WarehouseLines(
        fmt::format("select key, split_part(reason, ' ', 2), {} from (select * replace "
                    "(\"row\"::json as row) from dw._afluente.dead_letters) order by position, key",
                    of_row));
  }
  /// Ids of both sides: those that arrived.
  std::vector<std::string> Ids() { return WarehouseLines("select id from dw.d.t order by id"); }
  int LettersOf(const RunReport& report) { return report.entry.value("dead_letters", -1); }
};

TEST_F(CdcDeadLettersTest, ABadRowIsSetAsideAndTheOthersGoOn) {
  FollowT(std::string(kSetAside) + kNarrow);
  Source("insert into t values (4, 123456.789, 'large'), (5, 5, 'fine'), (6, 'NaN', 'nan')");
  Source("insert into t values (7, 7, 'shape', null, '[0:1]={1,2}')");
  const RunReport report = RunOk("t");
  EXPECT_EQ(LettersOf(report), 3);
  EXPECT_THAT(Ids(), ElementsAre("1", "2", "3", "5"));
  EXPECT_THAT(Letters(), ElementsAre("id=4|\"n\"|123456.789", "id=6|\"n\"|NaN", "id=7|\"tags\"|7"));
  EXPECT_THAT(WarehouseLines("select \"row\" from dw._afluente.dead_letters where key = 'id=7'"),
              ElementsAre("{\"id\":\"7\",\"n\":\"7\",\"name\":\"shape\",\"blob\":null,\"tags\":"
                          "\"[0:1]={1,2}\"}"));
  EXPECT_THAT(WarehouseLines("select count(*) from dw._afluente.dead_letters where "
                             "regexp_full_match(position, '[0-9A-F]{8}/[0-9A-F]{8}')"),
              ElementsAre("3"));
  // What has been committed is not told again.
  EXPECT_EQ(LettersOf(RunOk("t")), 0);
  EXPECT_THAT(Letters(), testing::SizeIs(3));
}

TEST_F(CdcDeadLettersTest, TheDestinationIsWhatANewCopyWouldBe) {
  FollowT(std::string(kSetAside) + kNarrow);
  Source("update t set n = 1e9 where id = 1; update t set name = 'x' where id = 2");
  RunOk("t");
  EXPECT_THAT(Ids(), ElementsAre("2", "3"));
  RunOk("t", {"--full-refresh"});
  EXPECT_THAT(Ids(), ElementsAre("2", "3"));
  EXPECT_THAT(WarehouseLines("select \"row\"::json->>'id', position is null from "
                             "dw._afluente.dead_letters order by position nulls last"),
              ElementsAre("1|false", "1|true"));
}

TEST_F(CdcDeadLettersTest, ARowThatIsGoodAgainIsBack) {
  FollowT(std::string(kSetAside) + kNarrow);
  Source("insert into t values (4, 1e9, 'bad')");
  RunOk("t");
  Source("update t set n = 4 where id = 4");
  ExpectSame("t", "select id, name, blob from {}t order by id");
  Source("insert into t values (5, 1e9, 'bad'); delete from t where id = 5");
  ExpectSame("t", "select id, name, blob from {}t order by id");
  EXPECT_EQ(Differences("t"), 0);
}

// The large value stood in the row that was set aside, and is not sent again.
TEST_F(CdcDeadLettersTest, ALargeValueThatIsNowhereIsToldOf) {
  FollowT(std::string(kSetAside) + kNarrow);
  Source("update t set n = 1e9 where id in (1, 2)");
  RunOk("t");
  Source("update t set n = 1 where id = 1");
  EXPECT_EQ(LettersOf(RunOk("t")), 1);
  EXPECT_THAT(Ids(), ElementsAre("3"));
  EXPECT_THAT(WarehouseLines("select key, \"row\"::json->>'blob' is null from "
                             "dw._afluente.dead_letters where reason like '%REPLICA IDENTITY "
                             "FULL%'"),
              ElementsAre("id=1|true"));
  // Once the value is sent, the row is whole.
  Source("update t set blob = blob || 'x', n = id");
  ExpectSame("t", "select id, name, blob from {}t order by id");
}

TEST_F(CdcDeadLettersTest, WithReplicaIdentityFullNothingIsMissing) {
  Source("alter table t replica identity full");
  Declare("t", "public.t", "dw.d.t, key: [id]", std::string("mode: cdc\n") + kSetAside + kNarrow);
  RunOk("t");
  Source("update t set n = 1e9 where id = 1");
  RunOk("t");
  Source("update t set n = 1 where id = 1");
  ExpectSame("t", "select id, name, blob from {}t order by id");
}

TEST_F(CdcDeadLettersTest, ACastThatFails) {
  Source("delete from t");
  FollowT(std::string(kSetAside) + "columns: { name: { type: INTEGER }, blob: { exclude: true } }");
  Source(
      "insert into t(id, name) select i, case when i % 100 = 50 then 'x' || i else i::text end "
      "from generate_series(101, 400) i");
  const RunReport report = RunOk("t");
  EXPECT_EQ(LettersOf(report), 3);
  EXPECT_THAT(WarehouseLines("select count(*), sum(name) from dw.d.t"),
              ElementsAre("297|" + database_->Value("select sum(id) from t where id % 100 <> 50")));
  EXPECT_THAT(WarehouseLines("select key, \"row\"::json->>'name' from dw._afluente.dead_letters "
                             "where reason like 'column \"name\": %' order by key"),
              ElementsAre("id=150|x150", "id=250|x250", "id=350|x350"));
}

TEST_F(CdcDeadLettersTest, ATransformThatFails) {
  Source("alter table t replica identity full");
  Declare("t", "public.t", "dw.d.t, key: [id]",
          std::string("mode: cdc\n") + kSetAside +
              "columns: { blob: { exclude: true }, name: { mask: hash } }\n"
              "transform: |\n  SELECT *, CAST(tags[1] AS TINYINT) AS small FROM batch\n");
  RunOk("t");
  Source(
      "update t set tags = array[1000 + id] where id < 3; insert into t(id, tags) values (4, "
      "array[4])");
  EXPECT_EQ(LettersOf(RunOk("t")), 2);
  EXPECT_THAT(WarehouseLines("select id, small from dw.d.t order by id"),
              ElementsAre("3|3", "4|4"));
  // What a mask hides is hidden here, too.
  EXPECT_THAT(
      WarehouseLines("select distinct \"row\"::json->>'name' from dw._afluente.dead_letters"),
      ElementsAre("***"));
  EXPECT_THAT(WarehouseLines("select count(*) from dw._afluente.dead_letters where reason like "
                             "'%transform: %'"),
              ElementsAre("2"));
}

TEST_F(CdcDeadLettersTest, ARepairTellsOnce) {
  Declare("t", "public.t", "dw.d.t, key: [id]", std::string("mode: cdc\n") + kSetAside + kNarrow);
  RunOk("t");
  Source("insert into t values (4, 123456.789, 'large')");
  RunOk("t");
  for (int i = 0; i < 2; ++i) (void)estate_.Run({"reconcile", "t", "--repair"});
  EXPECT_THAT(Letters(), ElementsAre("id=4|\"n\"|123456.789"));
}

// The rows that are not there, and no error of the database's arithmetic.
TEST_F(CdcDeadLettersTest, ReconcileCountsWhatWasSetAside) {
  Source("update t set n = 1.5000 where id = 1; update t set n = 2.345 where id = 2");
  FollowT(std::string(kSetAside) + kNarrow);
  EXPECT_THAT(Ids(), ElementsAre("1", "3"));
  EXPECT_EQ(Differences("t"), 1);
  Source("insert into t values (4, 123456.789, 'large'), (5, 'NaN', 'nan'), (6, 6, 'fine')");
  RunOk("t");
  EXPECT_EQ(Differences("t"), 3);
}

// What stands there when the copy is made is set aside like what comes later.
TEST_F(CdcDeadLettersTest, ACopySetsAsideWhatACastFailsOn) {
  Source(
      "update t set name = id, blob = null; insert into t select i, i, case when i % 5000 = 3 then "
      "'x' || i else i::text end from generate_series(4, 20000) i");
  Declare("t", "public.t", "dw.d.t, key: [id]",
          std::string("mode: cdc\n") + kSetAside + "columns: { name: { type: INTEGER } }");
  EXPECT_EQ(LettersOf(RunOk("t")), 3);
  EXPECT_THAT(
      WarehouseLines("select count(*), sum(name) from dw.d.t"),
      ElementsAre("19997|" + database_->Value("select sum(id) from t where name not like 'x%'")));
  EXPECT_THAT(
      WarehouseLines("select key, \"row\"::json->>'name', position is null, starts_with(reason, "
                     "'column \"name\": ') from dw._afluente.dead_letters order by key"),
      ElementsAre("id=10003|x10003|true|true", "id=15003|x15003|true|true",
                  "id=5003|x5003|true|true"));
  Source("update t set name = '1' where id = 5003");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select count(*) from dw.d.t"), ElementsAre("19998"));
}

TEST_F(CdcDeadLettersTest, ACopySetsAsideWhatATransformFailsOnAndHidesWhatAMaskHides) {
  Source("alter table t replica identity full");
  Source("update t set tags = array[1000] where id = 2");
  Declare("t", "public.t", "dw.d.t, key: [id]",
          std::string("mode: cdc\n") + kSetAside +
              "columns: { blob: { exclude: true }, name: { mask: hash } }\n"
              "transform: |\n  SELECT *, CAST(tags[1] AS TINYINT) AS small FROM batch\n");
  EXPECT_EQ(LettersOf(RunOk("t")), 1);
  EXPECT_THAT(WarehouseLines("select id, small from dw.d.t order by id"),
              ElementsAre("1|1", "3|3"));
  EXPECT_THAT(WarehouseLines("select key, \"row\"::json->>'name', contains(reason, 'transform: ') "
                             "from dw._afluente.dead_letters"),
              ElementsAre("id=2|***|true"));
}

TEST_F(CdcDeadLettersTest, OtherwiseTheErrorNamesTableColumnKeyValueAndCure) {
  FollowT(kNarrow);
  Source("insert into t values (4, 123456.789, 'large')");
  RunFails("t", 1,
           {"public.t", "\"n\"", "id=4", "123456.789", "DECIMAL", "on_bad_row: dead_letter"});
  EXPECT_THAT(Ids(), ElementsAre("1", "2", "3"));
  Follow("t", std::string(kSetAside) + kNarrow);
  EXPECT_EQ(LettersOf(RunOk("t")), 1);
}

TEST_F(CdcDeadLettersTest, ACastThatFailsIsExplained) {
  Source("delete from t");
  FollowT("columns: { name: { type: INTEGER } }\n");
  Source("insert into t(id, name) values (4, '4'), (5, 'five'), (6, '6')");
  RunFails("t", 1, {"public.t", "id=5", "\"name\"", "five", "on_bad_row: dead_letter"});
}

TEST_F(CdcDeadLettersTest, SoftDeleteHasNoRowThatItDoesNotKnow) {
  FollowT(std::string(kSetAside) + kNarrow + "form: soft_delete\n");
  Source("update t set n = 1e9 where id in (1, 2); delete from t where id in (2, 3)");
  EXPECT_EQ(LettersOf(RunOk("t")), 2);
  EXPECT_THAT(WarehouseLines("select id, _deleted_at is null from dw.d.t order by id"),
              ElementsAre("3|false"));
  Source("update t set n = 1, blob = 'new' where id = 1");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, _deleted_at is null from dw.d.t order by id"),
              ElementsAre("1|true", "3|false"));
}

TEST_F(CdcDeadLettersTest, HistorySaysThatThereWasAChange) {
  FollowT(std::string(kSetAside) + kNarrow + "form: history\n");
  Source("update t set n = 1e9 where id = 1");
  RunOk("t");
  Source("update t set name = 'y' where id = 1");
  RunOk("t");
  EXPECT_THAT(
      WarehouseLines("select id, n, name, _op from dw.d.t where id = 1 order by _lsn, "
                     "_ordinal"),
      ElementsAre("1|1.00|n1|snapshot", "1|NULL|NULL|dead_letter", "1|NULL|NULL|dead_letter"));
  EXPECT_THAT(WarehouseLines("select count(*) from dw._afluente.dead_letters"), ElementsAre("2"));
  Source("update t set n = 1, blob = 'new' where id = 1");
  RunOk("t");
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcDeadLettersTest, PartsOfALargeTransaction) {
  estate_.SetEnv("SRC_DSN", database_->dsn() + " options='-c logical_decoding_work_mem=64kB'");
  FollowT(std::string(kSetAside) + kNarrow);
  Source(
      "begin; insert into t select i, case when i % 1000 = 0 then 1e9 else 1 end, 'x' || i, "
      "repeat('y', 200) from generate_series(1001, 100000) i; update t set name = 'z' where id = "
      "2000; commit");
  // A row that is bad in two parts has two letters.
  EXPECT_GE(LettersOf(RunOk("t")), 99);
  EXPECT_THAT(WarehouseLines("select count(*) from dw.d.t"), ElementsAre("98904"));
  EXPECT_THAT(WarehouseLines("select count(distinct key) from dw._afluente.dead_letters"),
              ElementsAre("99"));
}

TEST_F(CdcDeadLettersTest, TheServiceGoesOnAndCounts) {
  Follow("t", std::string(kSetAside) + kNarrow);
  ServeUntilFollowing({"t"});
  Source("insert into t values (4, 1e9, 'bad'), (5, 5, 'good')");
  EXPECT_TRUE(Soon([&] { return Lag("t").value("dead_letters", 0) == 1; }));
  EXPECT_EQ(StateOf("t"), "following");
  EXPECT_THAT(Ids(), ElementsAre("1", "2", "3", "5"));
}

}  // namespace
}  // namespace afluente::test
