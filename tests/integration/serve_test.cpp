// The service: changes arrive by themselves, questions go to it, and it leaves in order.
#include <fmt/format.h>

#include <chrono>
#include <csignal>

#include "support/serving.h"

namespace afluente::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class ServeTest : public ServingTest {
 protected:
  ServeTest() {
    Source("create table t(id int primary key, name text); insert into t values (1, 'one')");
    Source("create table u(id int primary key, name text); insert into u values (1, 'one')");
    Follow("t");
    Follow("u");
  }

  std::string Names(const std::string& table) {
    const auto lines =
        WarehouseLines("select string_agg(name, ',' order by id) from dw.d." + table);
    return lines.empty() ? "" : lines.front();
  }

  /// Starts the service and waits until it follows both tables.
  void Serve() { ServeUntilFollowing({"t", "u"}); }
};

TEST_F(ServeTest, ChangesArriveAndQuestionsAreAnswered) {
  Serve();
  Source("begin; insert into t values (2, 'two'); update u set name = 'eins'; commit");
  EXPECT_TRUE(Soon([&] { return Names("t") == "one,two"; })) << service_->err();
  EXPECT_EQ(Names("u"), "eins") << "a transaction of two tables became visible in parts";
  const Outcome tables = estate_.Run({"tables"});
  EXPECT_THAT(tables.out, HasSubstr("dw.d.t"));
  EXPECT_EQ(estate_.Run({"query", "select nothing"}).exit_code, 2);
  EXPECT_EQ(estate_.Run({"query", "drop table dw.d.t"}).exit_code, 2);
  const Outcome endless = estate_.Run(
      {"query", "select count(*) from range(1000000) a, range(1000000) b", "--timeout", "0.2"});
  EXPECT_EQ(endless.exit_code, 3);
  EXPECT_THAT(endless.err, HasSubstr("--timeout allows more"));
  const Outcome compact = estate_.Run({"compact"});
  EXPECT_EQ(compact.exit_code, 3);
  EXPECT_THAT(compact.err, HasSubstr("held by afluente serve"));
}

TEST_F(ServeTest, RunAndReconcileGoThroughTheService) {
  Source(
      "create table s(id int primary key, v text); insert into s select i, 'v' || i from "
      "generate_series(1, 1000) i");
  Declare("s", "public.s", "dw.d.s, key: [id]", "mode: snapshot");
  Serve();
  EXPECT_EQ(RunOk("s").rows, 1'000);
  EXPECT_EQ(Differences("s"), 0);
  Source("update s set v = 'other' where id = 7; delete from s where id = 8");
  EXPECT_EQ(Differences("s"), 2);
  // One that is followed is waited for: what was committed before stands there after.
  for (int i = 2; i < 12; ++i) {
    Source(fmt::format("insert into t values ({}, 'x')", i));
    RunOk("t");
    EXPECT_EQ(WarehouseLines("select count(*)::varchar from dw.d.t"),
              std::vector<std::string>{std::to_string(i)});
  }
  EXPECT_EQ(RunOk("t", {"--full-refresh"}).rows, 11);
  EXPECT_EQ(Differences("t"), 0);
  RunFails("nothing", 2, {"nothing"});
  Source("drop table s");
  RunFails("s", 1, {"public.s"});
  const Outcome table = estate_.Run({"run", "t"});
  EXPECT_THAT(table.out, HasSubstr("nothing new"));
}

TEST_F(ServeTest, CtrlCEndsARunThatTheServiceDoes) {
  Declare("slow", "public.slow", "dw.d.slow", "mode: snapshot");
  Source("create view slow as select i, pg_sleep(0.01)::text from generate_series(1, 100000) i");
  Serve();
  Process run(estate_.Afluente({"run", "slow"}));
  UntilSome("select from pg_stat_activity where query like 'COPY %' and state = 'active'");
  run.Signal(SIGINT);
  EXPECT_EQ(run.Wait(std::chrono::seconds(20)).exit_code, 130);
  EXPECT_TRUE(Soon([&] {
    return SourceLines(
               "select from pg_stat_activity where query like 'COPY %' and state = "
               "'active'")
        .empty();
  }));
}

TEST_F(ServeTest, PauseLeavesTheOthersAloneAndResumeCatchesUp) {
  Serve();
  ASSERT_EQ(estate_.Run({"pause", "t"}).exit_code, 0);
  EXPECT_EQ(StateOf("t"), "paused");
  Source("insert into t values (2, 'two'); insert into u values (2, 'zwei')");
  EXPECT_TRUE(Soon([&] { return Names("u") == "one,zwei"; })) << service_->err();
  EXPECT_EQ(Names("t"), "one");
  ASSERT_EQ(estate_.Run({"resume", "t"}).exit_code, 0);
  EXPECT_TRUE(Soon([&] { return Names("t") == "one,two"; })) << service_->err();
  const Outcome unknown = estate_.Run({"pause", "nothing"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("nothing"));
}

TEST_F(ServeTest, ResyncCopiesAgain) {
  Serve();
  ASSERT_EQ(estate_.Run({"resync", "t"}).exit_code, 0);
  Source("insert into t values (2, 'two')");
  EXPECT_TRUE(Soon([&] { return Names("t") == "one,two"; })) << service_->err();
  EXPECT_TRUE(Soon([&] { return StateOf("t") == "following"; }));
}

TEST_F(ServeTest, ALostConnectionIsTriedAgain) {
  Serve();
  Source("select pg_terminate_backend(active_pid) from pg_replication_slots where active");
  Source("insert into t values (2, 'two')");
  EXPECT_TRUE(Soon([&] { return Names("t") == "one,two"; })) << service_->err();
}

TEST_F(ServeTest, AMissingTableKeepsNobodyElse) {
  Follow("gone");
  service_.emplace(estate_.Afluente({"serve"}));
  EXPECT_TRUE(Soon([&] { return StateOf("gone") == "failed" && StateOf("t") == "following"; }))
      << service_->err();
  Source("insert into t values (2, 'two')");
  EXPECT_TRUE(Soon([&] { return Names("t") == "one,two"; })) << service_->err();
}

TEST_F(ServeTest, ATableWithoutAKeyKeepsNobodyElse) {
  Source(
      "create table nokey(v text); create table none(id int, v text);"
      "alter table none replica identity nothing");
  Follow("nokey");
  Follow("none");
  service_.emplace(estate_.Afluente({"serve"}));
  EXPECT_TRUE(Soon([&] {
    return StateOf("nokey") == "failed" && StateOf("none") == "failed" &&
           StateOf("t") == "following";
  })) << service_->err();
  Source("insert into t values (2, 'two')");
  EXPECT_TRUE(Soon([&] { return Names("t") == "one,two"; })) << service_->err();
  const std::string error = Lag("nokey").at("error");
  EXPECT_THAT(error, HasSubstr("integrations/nokey.yaml:2:"));
  EXPECT_THAT(error, testing::Not(HasSubstr("none.yaml")));
  Source("alter table nokey add id int primary key");
  ASSERT_EQ(estate_.Run({"resume", "nokey"}).exit_code, 0);
  EXPECT_TRUE(Soon([&] { return StateOf("nokey") == "following"; })) << service_->err();
}

TEST_F(ServeTest, EndlessQuestionsEndWithTheServiceAndWithCtrlC) {
  Serve();
  const std::vector<std::string> endless = {
      "query", "select count(*) from range(1000000) a, range(1000000) b"};
  Process interrupted(estate_.Afluente(endless));
  ASSERT_FALSE(interrupted.EndsWithin(milliseconds(500)));
  interrupted.Signal(SIGINT);
  EXPECT_EQ(interrupted.Wait(std::chrono::seconds(20)).exit_code, 130);
  const Process asking(estate_.Afluente(endless));
  ASSERT_FALSE(asking.EndsWithin(milliseconds(500)));
  service_->Signal(SIGTERM);
  EXPECT_EQ(service_->Wait(std::chrono::seconds(20)).exit_code, 0);
}

TEST_F(ServeTest, SigtermEndsItAndNothingIsLost) {
  Serve();
  Source("insert into t values (2, 'two')");
  service_->Signal(SIGTERM);
  EXPECT_EQ(service_->Wait().exit_code, 0);
  EXPECT_EQ(estate_.Run({"lag"}).exit_code, 3) << "nobody is there to ask";
  RunOk("t");
  EXPECT_EQ(Names("t"), "one,two");
  EXPECT_EQ(Differences("t"), 0);
}

}  // namespace
}  // namespace afluente::test
