// The scheduler inside the service: what is due runs by itself, once, whatever is killed when.
#include <fmt/format.h>

#include <csignal>

#include "support/serving.h"

namespace afluente::test {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class SchedulerTest : public ServingTest {
 protected:
  SchedulerTest() {
    Source(
        "create table t(id int primary key, v text); insert into t select i, 'v' || i from "
        "generate_series(1, 1000) i");
  }

  void Serve() {
    service_.emplace(estate_.Afluente({"serve"}));
    ASSERT_TRUE(Soon([&] { return estate_.Run({"why", "t"}).exit_code == 0; })) << service_->err();
  }

  nlohmann::json Runs(const std::string& of) {
    const Outcome outcome = estate_.Run({"runs", of, "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
    return nlohmann::json::parse(outcome.out).at("runs");
  }

  /// "state state ...", newest first.
  std::string States(const std::string& job) {
    std::string states;
    for (const auto& run : Runs(job)) states += run.at("state").get<std::string>() + " ";
    return states;
  }
};

TEST_F(SchedulerTest, WhatIsDueRunsByItselfAndAPauseHoldsIt) {
  Declare("t", "public.t", "dw.d.t, key: [id]", "mode: snapshot\ntrigger: { every: 1s }");
  Serve();
  ASSERT_TRUE(Soon([&] { return States("t").find("succeeded") != std::string::npos; }))
      << service_->err();
  EXPECT_EQ(WarehouseLines("select count(*) from dw.d.t"), std::vector<std::string>{"1000"});
  ASSERT_EQ(estate_.Run({"pause", "t"}).exit_code, 0);
  EXPECT_THAT(estate_.Run({"why", "t"}).out, HasSubstr("it is paused; `afluente resume t`"));
  ASSERT_TRUE(Soon([&] { return States("t").find("running") == std::string::npos; }));
  const std::size_t count = Runs("t").size();
  Source("insert into t values (1001, 'late')");
  ASSERT_EQ(estate_.Run({"resume", "t"}).exit_code, 0);
  ASSERT_TRUE(Soon([&] { return Runs("t").size() > count; }));
  ASSERT_TRUE(Soon([&] {
    return WarehouseLines("select count(*) from dw.d.t") == std::vector<std::string>{"1001"};
  }));
  const auto run = Runs("t").back();
  EXPECT_EQ(run.at("trigger"), "schedule");
  EXPECT_EQ(run.at("tasks").at(0).at("rows"), 1000);
}

TEST_F(SchedulerTest, PeopleTriggerAndAskWhy) {
  Declare("t", "public.t", "dw.d.t, key: [id]", "mode: snapshot");
  Declare("broken", "public.nothing", "dw.d.nothing, key: [id]", "mode: snapshot");
  Serve();
  const Outcome triggered = estate_.Run({"trigger", "t"});
  ASSERT_EQ(triggered.exit_code, 0) << triggered.ToString();
  const std::string run = triggered.out.substr(0, triggered.out.find('\n'));
  EXPECT_THAT(run, testing::StartsWith("t@"));
  ASSERT_TRUE(Soon([&] { return States("t") == "succeeded "; })) << service_->err();
  const Outcome shown = estate_.Run({"runs", run});
  EXPECT_THAT(shown.out, HasSubstr("succeeded"));
  EXPECT_THAT(shown.out, HasSubstr("1,000"));
  EXPECT_THAT(estate_.Run({"why", "t"}).out, HasSubstr("it has no schedule"));

  ASSERT_EQ(estate_.Run({"trigger", "broken"}).exit_code, 0);
  ASSERT_TRUE(Soon([&] { return States("broken") == "failed "; })) << service_->err();
  const std::string failed = Runs("broken").at(0).at("run_id");
  EXPECT_THAT(estate_.Run({"logs", failed}).out, HasSubstr("public.nothing"));
  Source("create table nothing(id int primary key); insert into nothing values (1)");
  ASSERT_EQ(estate_.Run({"retry", failed}).exit_code, 0);
  ASSERT_TRUE(Soon([&] { return States("broken") == "succeeded "; })) << service_->err();
  EXPECT_THAT(Runs(failed).at(0).at("attempts"), SizeIs(2));

  Fails({"trigger", "tt"}, 1, {"there is no job tt", "t"});
  Fails({"cancel", failed}, 2, {"has ended already: succeeded"});
  Fails({"clear", failed, "brokn"}, 1, {"has no task brokn", "broken"});
}

TEST_F(SchedulerTest, AStopLeavesWhatRunsToTheNextService) {
  Source("create view slow as select i, pg_sleep(0.01)::text from generate_series(1, 100000) i");
  Declare("t", "public.t", "dw.d.t, key: [id]", "mode: snapshot");
  Declare("slow", "public.slow", "dw.d.slow", "mode: snapshot");
  Serve();
  ASSERT_EQ(estate_.Run({"trigger", "slow"}).exit_code, 0);
  UntilSome("select from pg_stat_activity where query like 'COPY %' and state = 'active'");
  service_->Signal(SIGTERM);
  EXPECT_EQ(service_->Wait(std::chrono::seconds(30)).exit_code, 0);
  Source(
      "create or replace view slow as select i, 'quick'::text as pg_sleep from "
      "generate_series(1, 10) i");
  Serve();
  ASSERT_TRUE(Soon([&] { return States("slow") == "succeeded "; })) << service_->err();
  EXPECT_EQ(WarehouseLines("select count(*) from dw.d.slow"), std::vector<std::string>{"10"});
}

TEST_F(SchedulerTest, WithoutAServiceTheCureIsNamed) {
  Declare("t", "public.t", "dw.d.t, key: [id]", "mode: snapshot");
  Fails({"trigger", "t"}, 3, {"no service runs", "afluente serve"});
  EXPECT_EQ(estate_.Run({"runs"}).exit_code, 0);
  RunOk("t");
  const auto run = Runs("t").at(0);
  EXPECT_EQ(run.at("state"), "succeeded");
  EXPECT_FALSE(run.at("started_at").is_null()) << "a command's run has its times too";
}

class KillPointTest : public SchedulerTest, public testing::WithParamInterface<const char*> {
 protected:
  /// Has job t triggered in a service that dies at the step, and the next one end its run.
  void KillAndGoOn() {
    Command dying = estate_.Afluente({"serve"});
    dying.env["AFLUENTE_KILL_AT"] = GetParam();
    service_.emplace(dying);
    ASSERT_TRUE(Soon([&] {
      return service_->EndsWithin(std::chrono::milliseconds(1)) ||
             estate_.Run({"trigger", "t"}).exit_code == 0;
    }));
    EXPECT_EQ(service_->Wait().exit_code, 128 + SIGKILL);
    service_.reset();

    Serve();
    // What was decided but not durable never was: somebody asks again.
    if (Runs("t").empty()) (void)estate_.Run({"trigger", "t"});
    ASSERT_TRUE(Soon([&] { return States("t") == "succeeded "; }))
        << States("t") << service_->err();
  }
};
INSTANTIATE_TEST_SUITE_P(Steps, KillPointTest,
                         testing::Values("tick_created", "run_created", "task_leased",
                                         "process_started", "process_ended", "result_recorded",
                                         "downstream_released"));

TEST_P(KillPointTest, TheNextServiceGoesOn) {
  Declare("t", "public.t", "dw.d.t", "mode: incremental\ncursor: [id]\nwrite: append");
  Serve();
  service_->Signal(SIGTERM);
  (void)service_->Wait();
  service_.reset();

  KillAndGoOn();
  EXPECT_EQ(WarehouseLines("select count(*) from dw.d.t"), std::vector<std::string>{"1000"})
      << "nothing is lost, nothing stands twice";
}

// Commands outlive the service: each runs once, whatever of it is killed when.
class ProcessKillPointTest : public KillPointTest {};
INSTANTIATE_TEST_SUITE_P(Steps, ProcessKillPointTest,
                         testing::Values("tick_created", "run_created", "task_leased",
                                         "process_started", "process_ended", "result_recorded",
                                         "downstream_released", "process_ended:2",
                                         "result_recorded:2"));

TEST_P(ProcessKillPointTest, EveryCommandRunsOnce) {
  const std::string told = (estate_.path() / "told").string();
  estate_.Write("dags/t.yaml", fmt::format("dag: t\nproject: dw\ntasks:\n"
                                           "  first:  {{ command: [sh, -c, 'echo first >>{0}'] }}\n"
                                           "  second: {{ command: [sh, -c, 'echo second >>{0}'], "
                                           "after: [first] }}\n",
                                           told));
  KillAndGoOn();
  EXPECT_EQ(ReadFile(told), "first\nsecond\n");
}

}  // namespace
}  // namespace afluente::test
