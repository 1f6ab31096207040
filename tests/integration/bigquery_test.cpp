// The engine bigquery, against an emulator that somebody else wrote.
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <memory>

#include "support/bigquery_emulator.h"
#include "support/inbox_fixture.h"
#include "support/movement.h"

namespace afluente::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Where the extras were installed, a test that cannot run has failed.
bool MustRun() { return std::getenv("AFLUENTE_NO_SKIP_EXTRAS") != nullptr; }

// One for all tests; each has a dataset of its own.
BigqueryEmulator& Emulator() {
  static BigqueryEmulator emulator("dw");
  return emulator;
}

std::string NewDataset() {
  static int datasets = 0;
  return fmt::format("d{}", ++datasets);
}

class BigqueryTest : public MovementTest {
 protected:
  void SetUp() override {
    if (const auto missing = BigqueryEmulator::Missing()) {
      ASSERT_FALSE(MustRun()) << *missing;
      GTEST_SKIP() << *missing;
    }
    estate_.Write("estate.yaml",
                  "estate: test\n"
                  "warehouse: { engine: bigquery, location: US }\n"
                  "mask_salt: \"${env:MASK_SALT}\"\n"
                  "projects: { dw: { description: Tables of the tests } }\n"
                  "connections:\n"
                  "  src: { type: postgres, project: dw, dsn: \"${env:SRC_DSN}\" }\n");
    estate_.SetEnv("BIGQUERY_EMULATOR_HOST", Emulator().url());
    estate_.SetEnv("BIGQUERY_STORAGE_EMULATOR_HOST", Emulator().storage_host());
  }
  void DeclareTable(const std::string& yaml, const std::string& key = "") {
    Declare("t", "public.t", fmt::format("dw.{}.t{}", dataset_, key), yaml);
  }
  std::vector<std::string> Rows(const std::string& columns) const {
    return Emulator().Lines(
        fmt::format("SELECT {} FROM `dw.{}.t` ORDER BY 1, 2", columns, dataset_));
  }
  std::vector<std::string> Columns() const { return Emulator().Columns(dataset_, "t"); }
  /// A run that has read its checkpoint and waits for a lock of `other` on the source's table.
  std::unique_ptr<Process> RunThatWaitsFor(PgSession& other) {
    other.Exec("begin; lock table t");
    auto run = std::make_unique<Process>(estate_.Afluente({"run", "t"}));
    UntilSome("select from pg_locks where not granted and relation = 't'::regclass");
    return run;
  }
  /// What a run that ended leaves: no stage.
  void ExpectNoStage() const { EXPECT_THAT(Emulator().Tables(dataset_), ElementsAre("t")); }

  const std::string dataset_ = NewDataset();
};

TEST_F(BigqueryTest, ASnapshotReplacesTheTable) {
  Source(
      "create table t(id int, v text); insert into t values (1, 'a'), (2, null), (3, 'ção "
      "''\"\\')");
  DeclareTable("mode: snapshot");
  EXPECT_EQ(RunOk("t").rows, 3);
  EXPECT_THAT(Columns(), ElementsAre("id INTEGER", "v STRING"));
  EXPECT_THAT(Rows("id, v"), ElementsAre("1|a", "2|NULL", "3|ção '\"\\"));
  Source("delete from t where id = 1; update t set v = 'b' where id = 2");
  EXPECT_EQ(RunOk("t").rows, 2);
  EXPECT_THAT(Rows("id, v"), ElementsAre("2|b", "3|ção '\"\\"));
  ExpectNoStage();
}

TEST_F(BigqueryTest, AnIncrementOfARunIsThereOnce) {
  Source(
      "create table t(id int, v text); insert into t select i, 'v' || i from generate_series(1, "
      "1000) i");
  DeclareTable("mode: incremental\ncursor: [id]");
  EXPECT_EQ(RunOk("t").rows, 1000);
  EXPECT_EQ(RunOk("t").rows, 0);
  Source("insert into t values (1001, 'x')");
  EXPECT_EQ(RunOk("t").rows, 1);
  EXPECT_THAT(Rows("count(*), count(distinct id)"), ElementsAre("1001|1001"));
}

TEST_F(BigqueryTest, AnUpsertMergesByKey) {
  Source(
      "create table t(id int, v text, updated_at timestamptz); insert into t values "
      "(1, 'a', '2026-01-01 10:00+00'), (2, 'b', '2026-01-01 11:00+00')");
  DeclareTable("mode: incremental\ncursor: [updated_at, id]\nlookback: 1h", ", key: [id]");
  EXPECT_EQ(RunOk("t").rows, 2);
  Source(
      "update t set v = 'A', updated_at = '2026-01-02 10:00+00' where id = 1;"
      "insert into t values (3, 'c', '2026-01-02 11:00+00')");
  RunOk("t");
  EXPECT_THAT(Rows("id, v"), ElementsAre("1|A", "2|b", "3|c"));
  ExpectNoStage();
}

TEST_F(BigqueryTest, TheTableFollowsItsSource) {
  Source("create table t(id int, v text); insert into t values (1, 'a')");
  DeclareTable("mode: incremental\ncursor: [id]");
  RunOk("t");
  Source("alter table t add n numeric(12,3); insert into t values (2, 'b', 1.5)");
  RunOk("t");
  EXPECT_THAT(Rows("id, v, n = 1.5"), ElementsAre("1|a|NULL", "2|b|true"));
  Source("insert into t values (3, 'c', 2)");
  RunOk("t");
  EXPECT_THAT(Rows("id, n"),
              ElementsAre("1|NULL", testing::StartsWith("2|1.5"), testing::StartsWith("3|2")));
}

TEST_F(BigqueryTest, AColumnOfAnotherTypeFailsUntilAFullRefresh) {
  Source("create table t(id int, v int); insert into t values (1, 7)");
  DeclareTable("mode: snapshot");
  RunOk("t");
  Source("alter table t alter v type text using 'seven'");
  RunFails("t", 1, {"column v", "--full-refresh"});
  EXPECT_THAT(Rows("id, v"), ElementsAre("1|7"));
  RunOk("t", {"--full-refresh"});
  EXPECT_THAT(Columns(), ElementsAre("id INTEGER", "v STRING"));
  EXPECT_THAT(Rows("id, v"), ElementsAre("1|seven"));
}

TEST_F(BigqueryTest, MasksHideBeforeAnythingLeaves) {
  Source("create table t(id int, phone text); insert into t values (1, '+5511999990000')");
  DeclareTable("mode: snapshot\ncolumns: { phone: { mask: last4, pii: phone } }");
  RunOk("t");
  EXPECT_THAT(Rows("id, phone"), ElementsAre(testing::EndsWith("0000")));
  EXPECT_THAT(Rows("id, phone"), Not(Contains(HasSubstr("5511"))));
}

TEST_F(BigqueryTest, ARepeatedKeyFailsAndNothingIsThere) {
  Source("create table t(id int, v text); insert into t values (1, 'a'), (1, 'b')");
  DeclareTable("mode: incremental\ncursor: [id]\nwrite: upsert", ", key: [id]");
  RunFails("t", 1, {"key"});
  EXPECT_THAT(Columns(), IsEmpty());
}

TEST_F(BigqueryTest, WhatBigQueryCannotHoldFailsWithItsCure) {
  Source("create table t(id int, d date); insert into t values (1, 'infinity')");
  DeclareTable("mode: snapshot");
  RunFails("t", 1, {"column d", "type: text"});
  Declare("t", "public.t", fmt::format("dw.{}.t", dataset_),
          "mode: snapshot\ncolumns: { d: { type: text } }");
  RunOk("t");
  EXPECT_THAT(Rows("id, d"), ElementsAre("1|infinity"));
}

TEST_F(BigqueryTest, ATableGoesBackIntoPostgresAndOnlyWhatChangedIsWritten) {
  Source(
      "create table t(id int primary key, n numeric(12,3), v text, b bytea, f float8, at "
      "timestamptz, plain timestamp, day date, is_on bool, tags text[]);"
      "insert into t select i, i / 8.0, case when i % 3 > 0 then 'ção ' || i end, "
      "decode(lpad(to_hex(i), 8, '0'), 'hex'), i / 3.0, '2026-01-01 10:00+00'::timestamptz + i * "
      "interval '1.000001 s', '2026-01-01 10:00'::timestamp + i * interval '1.000001 s', "
      "date '2026-01-01' - i, i % 2 = 0, array['a', 'b' || i] from generate_series(1, 5000) i;"
      "create table back(like t); alter table back add primary key (id)");
  DeclareTable("mode: snapshot");
  RunOk("t");
  estate_.Integration(
      "back", fmt::format("source: {{ warehouse_table: dw.{}.t }}\nmode: snapshot\n"
                          "destination: {{ connection: src, table: public.back, key: [id] }}\n",
                          dataset_));
  EXPECT_EQ(RunOk("back").rows, 5000);
  EXPECT_EQ(database_->Value("select count(*) from (table t except table back) d"), "0");
  EXPECT_EQ(database_->Value("select count(*) from back"), "5000");
  EXPECT_EQ(RunOk("back").entry.at("rows_written"), 0);
}

TEST_F(BigqueryTest, OfATableThatIsReadOnlyWhatIsAskedForComes) {
  Source("create table t(id int, v text); insert into t values (1, 'a'), (2, 'b'), (3, 'c')");
  DeclareTable("mode: snapshot");
  RunOk("t");
  Source("create table back(id int primary key, v text)");
  estate_.Integration(
      "back", fmt::format("source: {{ warehouse_table: dw.{}.t }}\nmode: snapshot\n"
                          "where: id > 1 and v <> 'c'\ncolumns: {{ v: {{ exclude: true }} }}\n"
                          "destination: {{ connection: src, table: public.back, key: [id] }}\n",
                          dataset_));
  EXPECT_EQ(RunOk("back").rows, 1);
  EXPECT_EQ(database_->Value("select string_agg(id::text, ',') from back"), "2");
  estate_.Integration("none",
                      "source: { warehouse_table: dw.nothing.t }\nmode: snapshot\n"
                      "destination: { connection: src, table: public.other, key: [id] }\n");
  RunFails("none", 1, {"BigQuery has no table dw.nothing.t"});
}

TEST_F(BigqueryTest, ModesThatAreNotPlayedSayWhatToDo) {
  Source("create table t(id int primary key)");
  DeclareTable("mode: cdc\ntrigger: continuous", ", key: [id]");
  RunFails("t", 2, {"integrations/t.yaml", "mode cdc does not write BigQuery yet"});
}

TEST_F(BigqueryTest, WhatLooksAtTheEmbeddedWarehouseSaysSo) {
  Source("create table t(id int)");
  DeclareTable("mode: snapshot");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"tables"}, {"reconcile", "t"}}) {
    const Outcome outcome = estate_.Run(command);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.ToString();
    EXPECT_THAT(outcome.err, HasSubstr("engine is bigquery"));
  }
}

TEST_F(BigqueryTest, AStopEndsTheWaitForAServerThatIsAway) {
  Source("create table t(id int)");
  DeclareTable("mode: snapshot");
  estate_.SetEnv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:9");
  Process run(estate_.Afluente({"run", "t"}));
  while (run.err().find("trying again") == std::string::npos) {
    ASSERT_FALSE(run.EndsWithin(std::chrono::milliseconds(10))) << run.err();
  }
  run.Signal(SIGINT);
  EXPECT_EQ(run.Wait(std::chrono::seconds(10)).exit_code, 130);
}

TEST_F(BigqueryTest, OfTwoRunsOneWins) {
  Source("create table t(id int, v text); insert into t values (1, 'a')");
  DeclareTable("mode: incremental\ncursor: [id]");
  RunOk("t");
  Source("insert into t values (2, 'b')");
  PgSession other(database_->dsn());
  const auto run = RunThatWaitsFor(other);
  // It has read its checkpoint; somebody else moves it.
  Emulator().Lines(
      "UPDATE `dw._afluente.checkpoints` SET position = '{}' WHERE destination = 'dw." + dataset_ +
      ".t'");
  other.Exec("commit");
  const Outcome outcome = run->Wait();
  EXPECT_EQ(outcome.exit_code, 3) << outcome.ToString();
  EXPECT_THAT(outcome.err, HasSubstr("another run has brought this table further"));
  EXPECT_THAT(Rows("id, v"), ElementsAre("1|a"));
}

TEST_F(BigqueryTest, AKilledRunIsFollowedByAWholeOne) {
  Source("create table t(id int, v text); insert into t values (1, 'a')");
  DeclareTable("mode: incremental\ncursor: [id]");
  RunOk("t");
  Source("insert into t values (2, 'b')");
  PgSession other(database_->dsn());
  const auto run = RunThatWaitsFor(other);
  run->Signal(SIGKILL);
  run->Wait();
  other.Exec("commit");
  EXPECT_EQ(RunOk("t").rows, 1);
  EXPECT_THAT(Rows("id, v"), ElementsAre("1|a", "2|b"));
}

class BigqueryInboxTest : public InboxTest {
 protected:
  void SetUp() override {
    if (const auto missing = BigqueryEmulator::Missing()) {
      ASSERT_FALSE(MustRun()) << *missing;
      GTEST_SKIP() << *missing;
    }
    estate_.Write("estate.yaml", ReadFile(estate_.path() / "estate.yaml") +
                                     "warehouse: { engine: bigquery, location: US }\n");
    estate_.SetEnv("BIGQUERY_EMULATOR_HOST", Emulator().url());
  }
};

TEST_F(BigqueryInboxTest, MessagesOfATopicArriveOnceAndTheLastOfAKeyCounts) {
  const std::string dataset = NewDataset();
  Stream("m", "destination: { table: dw." + dataset +
                  ".m, key: [id] }\n"
                  "transform: SELECT CAST(body->>'$.id' AS BIGINT) AS id, body->>'$.v' AS v FROM "
                  "batch\n");
  Serve();
  for (const char* body :
       {R"({"id": 1, "v": "a"})", R"({"id": 2, "v": "b"})", R"({"id": 1, "v": "c"})"}) {
    EXPECT_EQ(Send("/topics/m", fmt::format("id {}", body), body).status, 200);
  }
  EXPECT_TRUE(Soon([&] {
    const auto lag = Lag("m", "triggered");
    return !lag.is_null() && lag.at("pending") == 0;
  })) << service_->err();
  EXPECT_THAT(Emulator().Lines("SELECT id, v FROM `dw." + dataset + ".m` ORDER BY id"),
              ElementsAre("1|c", "2|b"))
      << service_->err();
}

}  // namespace
}  // namespace afluente::test
