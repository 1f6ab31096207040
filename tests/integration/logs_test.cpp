// logs --follow: until the run ends, with a service or without.
#include <fmt/format.h>

#include <csignal>

#include "support/serving.h"

namespace afluente::test {
namespace {

using testing::HasSubstr;

class LogsTest : public ServingTest {
 protected:
  LogsTest() {
    Source(
        "create table t(id int primary key); insert into t values (1); create table gate(i int)");
    Source("create view slow as select i as id from gate");  // Waits for whoever locks the gate.
    Declare("t", "public.t", "dw.d.t, key: [id]", "mode: snapshot");
    Declare("slow", "public.slow", "dw.d.slow", "mode: snapshot");
    Declare("broken", "public.nothing", "dw.d.nothing", "mode: snapshot");
  }

  void Serve() {
    service_.emplace(estate_.Afluente({"serve"}));
    ASSERT_TRUE(Soon([&] { return estate_.Run({"why", "t"}).exit_code == 0; })) << service_->err();
  }

  std::string Trigger(const std::string& job) {
    const Outcome triggered = estate_.Run({"trigger", job});
    EXPECT_EQ(triggered.exit_code, 0) << triggered.ToString();
    return triggered.out.substr(0, triggered.out.find('\n'));
  }
};

TEST_F(LogsTest, ItEndsWithTheRun) {
  Serve();
  PgSession locker(database_->dsn());
  locker.Exec("begin; lock table gate in access exclusive mode");
  const std::string run = Trigger("slow");
  Process follow(estate_.Afluente({"logs", run, "--follow"}));
  ASSERT_TRUE(Soon([&] { return follow.out().find("running slow") != std::string::npos; }))
      << follow.err();
  EXPECT_FALSE(follow.EndsWithin(std::chrono::milliseconds(0)));
  locker.Exec("rollback");
  const Outcome ended = follow.Wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.ToString();
  EXPECT_THAT(ended.out, HasSubstr("succeeded slow"));
  EXPECT_THAT(ended.out, HasSubstr(run + ": succeeded"));

  const std::string failed = Trigger("broken");
  const Outcome told = estate_.Run({"logs", failed, "--follow"});
  EXPECT_EQ(told.exit_code, 1) << told.ToString();
  EXPECT_THAT(told.out, HasSubstr("public.nothing"));
  const Outcome document = estate_.Run({"logs", failed, "--follow", "--json"});
  EXPECT_EQ(document.exit_code, 1);
  EXPECT_EQ(nlohmann::json::parse(document.out).at("state"), "failed");

  // What has ended is shown without a service, too.
  service_->Signal(SIGTERM);
  (void)service_->Wait();
  EXPECT_EQ(estate_.Run({"logs", run, "--follow"}).exit_code, 0);
}

TEST_F(LogsTest, CtrlCEndsTheFollowingAndADeadServiceIsTold) {
  Serve();
  PgSession locker(database_->dsn());
  locker.Exec("begin; lock table gate in access exclusive mode");
  const std::string run = Trigger("slow");
  Process follow(estate_.Afluente({"logs", run, "--follow"}));
  ASSERT_TRUE(Soon([&] { return follow.out().find("running slow") != std::string::npos; }));
  follow.Signal(SIGINT);
  EXPECT_EQ(follow.Wait().exit_code, 130);
  Process other(estate_.Afluente({"logs", run, "--follow"}));
  ASSERT_TRUE(Soon([&] { return other.out().find("running slow") != std::string::npos; }));
  service_->Signal(SIGKILL);
  (void)service_->Wait();
  const Outcome ended = other.Wait();
  EXPECT_EQ(ended.exit_code, 3) << ended.ToString();
  EXPECT_THAT(ended.err, HasSubstr("it goes on when `afluente serve` does"));
}

}  // namespace
}  // namespace afluente::test
