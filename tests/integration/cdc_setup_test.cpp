// Slots, publications and what a server must allow before its changes can be followed.
#include <fmt/format.h>

#include <csignal>

#include "support/following.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CdcSetupTest : public FollowingTest {
 protected:
  CdcSetupTest() {
    Source(
        "create table a(id int primary key, v text); insert into a values (1, 'a1');"
        "create table b(id int primary key, v text); insert into b values (1, 'b1')");
  }
  std::string Slots() {
    return database_->Value(fmt::format(
        "select string_agg(slot_name, ',') from pg_replication_slots where database = '{}'",
        database_->name()));
  }
  static constexpr const char* kA = "select id, v from {}a order by id";
  static constexpr const char* kB = "select id, v from {}b order by id";
};

TEST_F(CdcSetupTest, TwoIntegrationsInOneSlotAndTwoProjects) {
  estate_.Write("estate.yaml",
                "estate: trial\ntime_zone: UTC\nprojects:\n  dw: { description: One }\n"
                "  other: { description: Two }\nconnections:\n"
                "  src: { type: postgres, project: dw, dsn: \"${env:SRC_DSN}\" }\n");
  Declare("a", "public.a", "dw.d.a", "mode: cdc");
  Declare("b", "public.b", "other.d.b", "mode: cdc");
  const Outcome first = estate_.Run({"run", "--all"});
  ASSERT_EQ(first.exit_code, 0) << first.ToString();
  EXPECT_EQ(Slots(), "afluente_trial_src");
  Source(
      "begin; insert into a values (2, 'a2'); insert into b values (2, 'b2'); commit;"
      "update a set v = 'x' where id = 1; delete from b where id = 1");
  const Outcome second = estate_.Run({"run", "--all"});
  ASSERT_EQ(second.exit_code, 0) << second.ToString();
  EXPECT_THAT(WarehouseLines("select id, v from dw.d.a order by id"), ElementsAre("1|x", "2|a2"));
  EXPECT_THAT(WarehouseLines("select id, v from other.d.b"), ElementsAre("2|b2"));
  EXPECT_EQ(WarehouseLines("select position from dw._afluente.checkpoints"),
            WarehouseLines("select position from other._afluente.checkpoints"));
}

TEST_F(CdcSetupTest, AnIntegrationThatIsAddedLaterIsCopiedWhileTheOtherGoesOn) {
  Follow("a");
  RunOk("a");
  Source(
      "insert into a values (2, 'a2'); insert into b values (2, 'b2');"
      "update b set v = 'before' where id = 1");
  Follow("b");
  RunOk("b");
  EXPECT_EQ(WarehouseLines(With(kA, "dw.d.")), SourceLines(With(kA, "")));
  EXPECT_EQ(WarehouseLines(With(kB, "dw.d.")), SourceLines(With(kB, "")));
  EXPECT_EQ(Slots(), "afluente_trial_src");
  Source(
      "insert into a values (3, 'a3'); insert into b values (3, 'b3'); delete from b where id = 1");
  ExpectSame("a", kA);
  ExpectSame("b", kB);
}

TEST_F(CdcSetupTest, AFullRefreshCopiesOneAndTheOtherGoesOn) {
  Follow("a");
  Follow("b");
  RunOk("a");
  Source(
      "update a set v = 'x'; insert into b values (2, 'b2'); "
      "alter table a add w int; update a set w = 1");
  RunOk("a", {"--full-refresh"});
  EXPECT_EQ(WarehouseLines("select id, v, w from dw.d.a"), SourceLines("select * from a"));
  EXPECT_EQ(WarehouseLines(With(kB, "dw.d.")), SourceLines(With(kB, "")));
  Source("update a set v = 'y'; insert into b values (3, 'b3')");
  ExpectSame("a", kA);
  ExpectSame("b", kB);
}

// What is written anew after the slot's snapshot was taken looks empty to it, and
// the stream does not bring it.
TEST_F(CdcSetupTest, ATableThatIsWrittenAnewBeforeItsTurnIsCopiedAgain) {
  Source("insert into a select i, repeat('x', 1000) from generate_series(2, 50000) i");
  Follow("a");
  Follow("b");
  Process run(estate_.Afluente({"run", "a"}));
  UntilSome("select from pg_stat_activity where query like 'COPY %' and state = 'active'");
  run.Signal(SIGSTOP);
  Source("alter table b alter id type bigint");
  run.Signal(SIGCONT);
  const Outcome outcome = run.Wait();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  ExpectSame("b", kB);
  ExpectSame("a", kA);
}

TEST_F(CdcSetupTest, ASlotThatWasDroppedIsSaidAndCured) {
  Follow("a");
  Follow("b");
  RunOk("a");
  Source("insert into a values (2, 'lost'); select pg_drop_replication_slot('afluente_trial_src')");
  for (int i = 0; i < 2; ++i) {
    const Outcome outcome = estate_.Run({"run", "--all"});
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_THAT(outcome.err, HasSubstr("slot afluente_trial_src was lost"));
    EXPECT_THAT(outcome.err, HasSubstr("`afluente run a b --full-refresh`"));
  }
  const Outcome cured = estate_.Run({"run", "a", "b", "--full-refresh"});
  ASSERT_EQ(cured.exit_code, 0) << cured.ToString();
  ExpectSame("a", kA);
  Source("insert into a values (3, 'after')");
  ExpectSame("a", kA);
}

TEST_F(CdcSetupTest, ASlotThatWentOnWithoutThisWarehouse) {
  Follow("a");
  RunOk("a");
  Source("set synchronous_commit = on; insert into a values (2, 'lost')");
  Source("select pg_replication_slot_advance('afluente_trial_src', pg_current_wal_lsn())");
  RunFails("a", 1, {"has gone on without this warehouse", "--full-refresh"});
  RunOk("a", {"--full-refresh"});
  ExpectSame("a", kA);
}

TEST_F(CdcSetupTest, ATableThatWasTakenOutOfThePublication) {
  Follow("a");
  RunOk("a");
  Source("alter publication afluente_trial_src drop table a; insert into a values (2, 'unseen')");
  for (int i = 0; i < 2; ++i) RunFails("a", 1, {"not in publication", "--full-refresh"});
  RunOk("a", {"--full-refresh"});
  Source("insert into a values (3, 'seen')");
  ExpectSame("a", kA);
}

TEST_F(CdcSetupTest, TwoWarehousesCannotShareASlot) {
  Follow("a");
  RunOk("a");
  const EstateFolder second({{"src", database_->dsn()}});
  second.Integration("a",
                     "source: { connection: src, table: public.a }\n"
                     "destination: { table: dw.d.a }\nmode: cdc\n");
  Source("set synchronous_commit = on; insert into a values (2, 'a2')");
  const Outcome outcome = second.Run({"run", "a"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  RunFails("a", 1, {"has gone on without this warehouse"});
}

TEST_F(CdcSetupTest, ATableWithoutAKey) {
  Source("create table nokey(v text)");
  Follow("nokey");
  RunFails("nokey", 2, {"nokey has no primary key", "REPLICA IDENTITY FULL", "write: append"});
  EXPECT_THAT(SourceLines("select count(*) from pg_publication"), ElementsAre("0"));
}

TEST_F(CdcSetupTest, ATableWithReplicaIdentityNothing) {
  Source("alter table a replica identity nothing");
  Follow("a");
  RunFails("a", 2,
           {"REPLICA IDENTITY NOTHING", "ALTER TABLE public.a REPLICA IDENTITY DEFAULT",
            "write: append"});
}

TEST_F(CdcSetupTest, FullWithoutADestinationKey) {
  Source("alter table a replica identity full");
  Follow("a");
  RunFails("a", 2, {"REPLICA IDENTITY FULL", "destination.key", "key: [id]"});
}

TEST_F(CdcSetupTest, AGeneratedColumn) {
  Source(
      "create table g(id int primary key, v int, twice int generated always as (v * 2) stored);"
      "insert into g values (1, 5)");
  Follow("g");
  if (std::stoi(database_->Value("show server_version_num")) < 180000) {
    RunFails("g", 2, {"\"twice\"", "is generated", "twice: { exclude: true }"});
  }
  Follow("g", "columns: { twice: { exclude: true } }");
  ExpectSame("g", "select id, v from {}g order by id");
  Source("update g set v = 6; insert into g values (2, 7)");
  ExpectSame("g", "select id, v from {}g order by id");
}

TEST_F(CdcSetupTest, ARoleThatMayNotReplicate) {
  Source("grant select on a to reader");
  estate_.SetEnv("SRC_DSN", database_->dsn("reader", "secret-of-reader"));
  Follow("a");
  RunFails("a", 2, {"role \"reader\" may not replicate", "ALTER ROLE \"reader\" REPLICATION"});
}

TEST_F(CdcSetupTest, ARoleThatOwnsNothing) {
  PgCluster::Shared().Exec("create role follower login replication password 'secret-of-follower'");
  Source("grant select on a to follower");
  estate_.SetEnv("SRC_DSN", database_->dsn("follower", "secret-of-follower"));
  Follow("a");
  RunFails("a", 2, {"must run: CREATE PUBLICATION", "FOR TABLE public.a"});
  Source("create publication afluente_trial_src for table a with (publish_via_partition_root)");
  ExpectSame("a", kA);
  Source("insert into a values (2, 'a2')");
  ExpectSame("a", kA);
  estate_.SetEnv("SRC_DSN", database_->dsn());
  Source("revoke all on a from follower");
  PgCluster::Shared().Exec("drop role follower");
}

TEST(CdcServerTest, WithoutALogicalLog) {
  PgCluster cluster("wal_level = replica\n");
  const auto database = cluster.CreateDatabase();
  database->Exec("create table a(id int primary key)");
  const EstateFolder estate({{"src", database->dsn()}});
  estate.Integration("a",
                     "source: { connection: src, table: public.a }\n"
                     "destination: { table: dw.d.a }\nmode: cdc\n");
  const Outcome outcome = estate.Run({"run", "a"});
  EXPECT_EQ(outcome.exit_code, 2) << outcome.ToString();
  EXPECT_THAT(outcome.err, HasSubstr("wal_level is replica"));
  EXPECT_THAT(outcome.err, HasSubstr("ALTER SYSTEM SET wal_level = logical"));
}

}  // namespace
}  // namespace afluente::test
