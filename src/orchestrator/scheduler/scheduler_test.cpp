#include "orchestrator/scheduler/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestrator/scheduler/test_scheduler.h"

namespace afluente::orchestrator {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kTen = "hourly@2026-11-24T01:00:00.000000+00:00/schedule main";

TEST_F(SchedulerTest, AScheduleFiresOnTimeAndOnce) {
  Job("hourly").next_fire = Every(60min);
  Start();
  Tick();
  EXPECT_THAT(executor_.started, IsEmpty());
  After(60min - 1us);
  EXPECT_THAT(executor_.started, IsEmpty());
  After(1us);
  EXPECT_THAT(executor_.started, ElementsAre(kTen));
  End(kTen);
  Tick();
  EXPECT_THAT(Runs("hourly"), ElementsAre("01:00 succeeded"));
}

TEST_F(SchedulerTest, AClockThatIsSetBackFiresNothingTwice) {
  Job("hourly").next_fire = Every(60min);
  Start();
  After(60min);
  End(kTen);
  clock_.Set(clock_.Now() - 90min);
  After(30min);
  After(60min);
  EXPECT_THAT(executor_.started, SizeIs(1));
  After(60min);
  EXPECT_THAT(Runs("hourly"), ElementsAre("01:00 succeeded", "02:00 running"));
}

TEST_F(SchedulerTest, WhatWasMissedIsMadeUpForAsThePolicySays) {
  Job("all").next_fire = Every(60min);
  jobs_.back().policy.catch_up = estate::CatchUp::kAll;
  jobs_.back().policy.overlap = estate::RunOverlap::kAllow;
  jobs_.back().policy.max_active_runs = 10;
  jobs_.back().policy.catch_up_window = 150min;
  Job("latest").next_fire = Every(60min);
  Job("none").next_fire = Every(60min);
  jobs_.back().policy.catch_up = estate::CatchUp::kNone;
  Start();
  Tick();
  clock_.Advance(5h + 10min);
  Restart();
  Tick();
  EXPECT_THAT(Runs("all"), ElementsAre("03:00 running", "04:00 running", "05:00 running"));
  EXPECT_THAT(Runs("latest"), ElementsAre("05:00 running"));
  EXPECT_THAT(Runs("none"), IsEmpty());
  After(50min);
  EXPECT_THAT(Runs("none"), ElementsAre("06:00 running"));
}

TEST_F(SchedulerTest, YearsOfMissedFireTimesAreDecidedAboutAtOnce) {
  Job("often").next_fire = Every(1min);
  Job("seldom").next_fire = Every(24h * 400);
  Start();
  Tick();
  clock_.Advance(24h * 700 + 30s);
  const auto began = SystemClock().Monotonic();
  Restart();
  Tick();
  EXPECT_LT(SystemClock().Monotonic() - began, 5s);
  EXPECT_THAT(executor_.started,
              ElementsAre("seldom@2028-01-17T00:00:00.000000+00:00/schedule main",
                          "often@2028-10-24T00:00:00.000000+00:00/schedule main"));
}

TEST_F(SchedulerTest, FireTimesOfAPauseAndOfAnOlderScheduleAreLetGo) {
  Job("hourly").next_fire = Every(60min);
  jobs_.back().policy.catch_up = estate::CatchUp::kAll;
  jobs_.back().schedule_text = "every 60m";
  Start();
  EXPECT_TRUE(scheduler_->Pause("hourly").ok());
  After(2h);
  Restart();
  After(2h);
  EXPECT_THAT(Runs("hourly"), IsEmpty());
  EXPECT_TRUE(scheduler_->Resume("hourly").ok());
  After(30min);
  EXPECT_THAT(Runs("hourly"), IsEmpty());
  After(30min);
  EXPECT_THAT(Runs("hourly"), ElementsAre("05:00 running"));
  End("hourly@2026-11-24T05:00:00.000000+00:00/schedule main");

  clock_.Advance(3h);
  jobs_.back().next_fire = Every(30min);
  jobs_.back().schedule_text = "every 30m";
  Restart();
  Tick();
  EXPECT_THAT(Runs("hourly"), ElementsAre("05:00 succeeded"));
  After(30min);
  EXPECT_THAT(Runs("hourly"), ElementsAre("05:00 succeeded", "08:30 running"));
}

struct OverlapCase {
  estate::RunOverlap overlap;
  std::vector<std::string> during;
};
class OverlapTest : public SchedulerTest, public testing::WithParamInterface<OverlapCase> {};
INSTANTIATE_TEST_SUITE_P(
    All, OverlapTest,
    testing::Values(
        OverlapCase{estate::RunOverlap::kQueue, {"01:00 running", "02:00 queued", "03:00 queued"}},
        OverlapCase{estate::RunOverlap::kSkip, {"01:00 running", "02:00 skipped", "03:00 skipped"}},
        OverlapCase{estate::RunOverlap::kCancelPrevious,
                    {"01:00 running", "02:00 skipped", "03:00 queued"}},
        OverlapCase{estate::RunOverlap::kAllow,
                    {"01:00 running", "02:00 running", "03:00 queued"}}));

TEST_P(OverlapTest, IsDecidedWhenItIsARunsTurn) {
  Job("hourly").next_fire = Every(60min);
  jobs_.back().policy.overlap = GetParam().overlap;
  jobs_.back().policy.max_active_runs = 2;
  Start();
  for (int hour = 0; hour < 3; ++hour) After(60min);
  EXPECT_THAT(Runs("hourly"), testing::ElementsAreArray(GetParam().during));
  const bool cancels = GetParam().overlap == estate::RunOverlap::kCancelPrevious;
  EXPECT_THAT(executor_.cancelled, SizeIs(cancels ? 2 : 0));
  End(kTen, cancels ? Failed(ErrorKind::kCancelled, "asked to") : AttemptOutcome());
  const bool goes_on = GetParam().overlap != estate::RunOverlap::kSkip;
  EXPECT_EQ(Runs("hourly").front(), cancels ? "01:00 cancelled" : "01:00 succeeded");
  EXPECT_EQ(executor_.running.empty(), !goes_on);
}

TEST_F(SchedulerTest, TasksRunInOrderAndAFailureStopsWhatNeedsIt) {
  Job("dag", {Task("a"), Task("b", {"a"}), Task("c", {"a"}), Task("d", {"b", "c"}),
              Task("cleanup", {"d"}, estate::TriggerRule::kAllDone)});
  Start();
  const std::string run = Trigger("dag");
  EXPECT_THAT(executor_.started, ElementsAre(run + " a"));
  End(run + " a");
  EXPECT_THAT(executor_.started, ElementsAre(run + " a", run + " b", run + " c"));
  End(run + " b", Failed(ErrorKind::kConversion, "a bad value"));
  EXPECT_THAT(Tasks(run), ElementsAre("a succeeded", "b failed", "c running", "cleanup running",
                                      "d upstream_failed"));
  End(run + " c");
  End(run + " cleanup");
  EXPECT_EQ(RunState(run), "failed");
  EXPECT_EQ(store_->History("dag", 1).value().front().error, "task b: a bad value");

  ASSERT_TRUE(scheduler_->Retry(run).ok());
  Tick();
  EXPECT_THAT(Tasks(run), Contains("b running"));
  End(run + " b");
  End(run + " d");
  EXPECT_EQ(RunState(run), "succeeded");
}

TEST_F(SchedulerTest, AFailedAttemptIsTriedAgainWithGrowingDelays) {
  Job("flaky", {Task("main")});
  TaskSpec& task = jobs_.back().tasks.front();
  task.retry.retries = 2;
  task.retry.delay = 10s;
  task.retry.factor = 3;
  task.retry.jitter = 0;
  task.retry.retry_on = {"transient"};
  Start();
  const std::string run = Trigger("flaky");
  End(run + " main", Failed(ErrorKind::kTransient, "away"));
  EXPECT_THAT(Tasks(run), ElementsAre("main retrying"));
  After(9s);
  EXPECT_THAT(executor_.started, SizeIs(1));
  After(1s);
  EXPECT_THAT(executor_.started, SizeIs(2));
  End(run + " main", Failed(ErrorKind::kTransient, "away"));
  After(29s);
  EXPECT_THAT(executor_.started, SizeIs(2));
  After(1s);
  End(run + " main", Failed(ErrorKind::kTransient, "away"));
  EXPECT_EQ(RunState(run), "failed");

  const std::string other = Trigger("flaky");
  End(other + " main", Failed(ErrorKind::kConversion, "no number"));
  EXPECT_EQ(RunState(other), "failed") << "not among what it retries on";
}

TEST_F(SchedulerTest, ATimeoutEndsAnAttemptAndCountsAsAFailure) {
  Job("slow", {Task("main")});
  jobs_.back().tasks.front().timeout = 5min;
  Start();
  const std::string run = Trigger("slow");
  After(5min - 1us);
  EXPECT_THAT(executor_.cancelled, IsEmpty());
  After(1us);
  EXPECT_THAT(executor_.cancelled, ElementsAre(run + " main"));
  End(run + " main", Failed(ErrorKind::kCancelled, "asked to"));
  EXPECT_EQ(RunState(run), "failed");
  EXPECT_THAT(store_->History("slow", 1).value().front().error, HasSubstr("timeout of 300 s"));
}

TEST_F(SchedulerTest, PoolsAndPrioritiesDecideWhoGoesFirst) {
  pools_ = {{"database", 2}};
  max_tasks_ = 3;
  Open();
  for (const std::string name : {"a", "b", "c", "wide", "urgent"}) {
    Job(name, {Task("main")});
    jobs_.back().tasks.front().pool = "database";
  }
  jobs_[3].tasks.front().slots = 2;
  jobs_[4].policy.priority = 10;
  Start();
  const std::string a = Trigger("a");
  clock_.Advance(1s);
  const std::string b = Trigger("b");
  clock_.Advance(1s);
  const std::string wide = Trigger("wide");
  clock_.Advance(1s);
  const std::string c = Trigger("c");
  clock_.Advance(1s);
  const std::string urgent = Trigger("urgent");
  EXPECT_THAT(executor_.started, ElementsAre(a + " main", b + " main"));
  EXPECT_THAT(scheduler_->Why("c").value().reasons,
              Contains(HasSubstr("waits for pool database: 0 of its 2 slots are free")));
  End(a + " main");
  EXPECT_EQ(executor_.started.back(), urgent + " main");
  End(b + " main");
  EXPECT_EQ(executor_.started.back(), urgent + " main") << "two slots are not free";
  End(urgent + " main");
  EXPECT_EQ(executor_.started.back(), wide + " main");
  End(wide + " main");
  EXPECT_EQ(executor_.started.back(), c + " main");
}

TEST_F(SchedulerTest, ABranchSkipsWhatItDidNotChoose) {
  Job("dag",
      {Task("pick"), Task("left", {"pick"}), Task("right", {"pick"}), Task("after_left", {"left"}),
       Task("join", {"left", "right"}, estate::TriggerRule::kNoneFailed)});
  Start();
  const std::string run = Trigger("dag");
  AttemptOutcome chosen;
  chosen.is_branch = true;
  chosen.chosen = {"right"};
  End(run + " pick", chosen);
  EXPECT_THAT(Tasks(run), ElementsAre("after_left skipped", "join waiting", "left skipped",
                                      "pick succeeded", "right running"));
  End(run + " right");
  End(run + " join");
  EXPECT_EQ(RunState(run), "succeeded");
}

TEST_F(SchedulerTest, PeopleCancelClearAndMark) {
  Job("dag", {Task("a"), Task("b", {"a"}), Task("c", {"b"})});
  Start();
  const std::string run = Trigger("dag");
  ASSERT_TRUE(scheduler_->Cancel(run).ok());
  EXPECT_THAT(executor_.cancelled, ElementsAre(run + " a"));
  End(run + " a", Failed(ErrorKind::kCancelled, "asked to"));
  EXPECT_EQ(RunState(run), "cancelled");
  EXPECT_THAT(scheduler_->Cancel(run).error().message(), HasSubstr("has ended already: cancelled"));

  ASSERT_TRUE(scheduler_->MarkSuccess(run, "a").ok());
  ASSERT_TRUE(scheduler_->Retry(run).ok());
  Tick();
  End(run + " b");
  End(run + " c");
  EXPECT_EQ(RunState(run), "succeeded");
  EXPECT_THAT(scheduler_->Retry(run).error().message(), HasSubstr("none of its tasks failed"));

  ASSERT_TRUE(scheduler_->Clear(run, "b", true).ok());
  Tick();
  EXPECT_THAT(Tasks(run), ElementsAre("a succeeded", "b running", "c waiting"));
  EXPECT_THAT(scheduler_->Clear(run, "d", true).error().message(), HasSubstr("has no task d"));
}

TEST_F(SchedulerTest, ACycleIsNamed) {
  Job("dag", {Task("a", {"c"}), Task("b", {"a"}), Task("c", {"b"}), Task("x")});
  const Status started = scheduler_->Start(jobs_);
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error().message(),
              HasSubstr("job dag: tasks wait for each other: a after c after b after a"));
}

TEST_F(SchedulerTest, AnAttemptThatOutlivesItsProcessIsAdopted) {
  executor_.outlives = true;
  Job("dag", {Task("a"), Task("b", {"a"})});
  Start();
  const std::string run = Trigger("dag");
  Restart();
  EXPECT_THAT(executor_.started, SizeIs(1));
  End(run + " a");
  EXPECT_THAT(executor_.started, ElementsAre(run + " a", run + " b"));
}

TEST_F(SchedulerTest, AShutdownLeavesItsWorkToTheNextProcess) {
  Job("dag", {Task("a")});
  Start();
  const std::string run = Trigger("dag");
  scheduler_->BeginShutdown();
  End(run + " a", Failed(ErrorKind::kCancelled, "the service stops"));
  EXPECT_THAT(Tasks(run), ElementsAre("a running"));
  EXPECT_EQ(scheduler_->running(), 0U);
  Restart();
  Tick();
  EXPECT_THAT(executor_.started, SizeIs(2));
  End(run + " a");
  EXPECT_EQ(RunState(run), "succeeded");
}

// The steps at which Dagster's tests kill its scheduler, and those between.
class KillPointTest : public SchedulerTest,
                      public testing::WithParamInterface<std::tuple<std::string, int, bool>> {};
INSTANTIATE_TEST_SUITE_P(Steps, KillPointTest,
                         testing::Combine(testing::Values("tick_created", "run_created",
                                                          "task_leased", "process_started",
                                                          "process_ended", "result_recorded",
                                                          "downstream_released"),
                                          testing::Range(0, 4), testing::Bool()));

TEST_P(KillPointTest, EveryFireTimeHasOneRunAndEveryTaskEnds) {
  const auto& [step, after, outlives] = GetParam();
  executor_.outlives = outlives;
  Job("hourly", {Task("a"), Task("b", {"a"})}).next_fire = Every(60min);
  jobs_.back().policy.catch_up = estate::CatchUp::kAll;
  Start();
  const auto step_of = [&](const std::function<void()>& body) {
    try {
      body();
    } catch (const Crash&) {
      Restart();
    }
  };
  for (int i = 0; i < 4; ++i) {
    if (i == after) crash_at_ = step;
    step_of([&] { After(60min); });
    step_of([&] { Tick(); });
    // Until nothing is left to do: what ran ends, what that lets go on runs.
    while (!executor_.running.empty()) {
      const std::string name = executor_.running.begin()->first;
      step_of([&] { End(name); });
      step_of([&] { Tick(); });
    }
    step_of([&] { Tick(); });
  }
  EXPECT_TRUE(crash_at_.empty()) << "the step was reached";
  EXPECT_THAT(Runs("hourly"), ElementsAre("01:00 succeeded", "02:00 succeeded", "03:00 succeeded",
                                          "04:00 succeeded"));
  std::map<std::string, int> times;
  for (const std::string& name : executor_.started) ++times[name];
  EXPECT_THAT(times, SizeIs(8));
  if (!outlives) return;
  for (const auto& [name, count] : times) EXPECT_EQ(count, 1) << name;
}

}  // namespace
}  // namespace afluente::orchestrator
