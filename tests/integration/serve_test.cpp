// The service: changes arrive by themselves, questions go to it, and it leaves in order.
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
  const Outcome run = estate_.Run({"run", "t"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("held by afluente serve"));
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
