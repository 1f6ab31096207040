#include "orchestrator/simulation/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestrator/scheduler/test_scheduler.h"
#include "orchestrator/simulation/durations.h"
#include "orchestrator/simulation/use.h"

namespace afluente::orchestrator {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::SizeIs;

constexpr WallTime kMidnight{std::chrono::sys_days(std::chrono::year(2026) / 11 / 23)};

JobSpec Hourly(const std::string& name, std::vector<TaskSpec> tasks = {Task("main")}) {
  JobSpec job;
  job.name = name;
  job.mode = "fake";
  job.tasks = std::move(tasks);
  job.next_fire = Every(60min);
  return job;
}

SimulationOptions For(std::chrono::minutes time, std::chrono::minutes task) {
  SimulationOptions options;
  options.from = kMidnight;
  options.to = kMidnight + time;
  options.duration = [task](const std::string&, const std::string&) { return task; };
  return options;
}

Timeline MustSimulate(std::vector<JobSpec> jobs, const SimulationOptions& options) {
  auto timeline = Simulate(std::move(jobs), options);
  EXPECT_TRUE(timeline.ok()) << timeline.error().message();
  return std::move(timeline).value();
}

/// "job 01:00 01:00-01:10" of each run: due, started and ended.
std::vector<std::string> Runs(const Timeline& timeline) {
  std::vector<std::string> runs;
  const auto clock = [](WallTime time) {
    return time == WallTime() ? std::string("?") : FormatRfc3339(time).substr(11, 5);
  };
  for (const SimulatedRun& run : timeline.runs) {
    runs.push_back(run.job + " " + clock(run.due) + " " + clock(run.started) + "-" +
                   clock(run.ended));
  }
  return runs;
}

TEST(SimulationTest, WhatIsDueRunsFromTheFirstMomentToBeforeTheLast) {
  const Timeline timeline =
      MustSimulate({Hourly("hourly", {Task("a"), Task("b", {"a"})})}, For(2h, 10min));
  EXPECT_THAT(Runs(timeline), ElementsAre("hourly 00:00 00:00-00:20", "hourly 01:00 01:00-01:20"));
  const SimulatedTask& second = timeline.runs.front().tasks.at(1);
  EXPECT_EQ(second.task, "b");
  EXPECT_EQ(second.ready, kMidnight + 10min);
  EXPECT_EQ(second.started, kMidnight + 10min);
  EXPECT_EQ(second.ended, kMidnight + 20min);
}

TEST(SimulationTest, WhatHasNotEndedHasNoEnd) {
  const Timeline timeline = MustSimulate({Hourly("hourly")}, For(1h, 90min));
  EXPECT_THAT(Runs(timeline), ElementsAre("hourly 00:00 00:00-?"));
}

TEST(SimulationTest, APoolMakesTasksWait) {
  std::vector<JobSpec> jobs = {Hourly("a"), Hourly("b"), Hourly("c")};
  for (JobSpec& job : jobs) job.tasks.front().pool = "database";
  SimulationOptions options = For(1h, 10min);
  options.pools = {{"database", 1}};
  const Timeline timeline = MustSimulate(std::move(jobs), options);
  const std::vector<Use> pools = UseOfPools(timeline, options.pools, options.max_tasks);
  ASSERT_THAT(pools, SizeIs(2));
  const Use& pool = pools.back();
  EXPECT_EQ(pool.name, "database");
  EXPECT_EQ(pool.peak, 1);
  EXPECT_EQ(pool.full, 30min);
  EXPECT_EQ(pool.waits, 2U);
  EXPECT_EQ(pool.waited, 30min);
  EXPECT_EQ(pool.longest_wait, 20min);
  EXPECT_EQ(pools.front().peak, 1);
  EXPECT_EQ(pools.front().waits, 0U) << "a wait counts for the pool that it is for";
}

TEST(SimulationTest, WhatAnUpdatedTableTriggersFollowsIt) {
  JobSpec writes = Hourly("writes");
  writes.tasks.front().writes = "dw.d.t";
  JobSpec follows = Hourly("follows");
  follows.next_fire = nullptr;
  follows.on_asset = "dw.d.t";
  const Timeline timeline = MustSimulate({writes, follows}, For(2h, 10min));
  EXPECT_THAT(Runs(timeline), ElementsAre("writes 00:00 00:00-00:10", "follows 00:10 00:10-00:20",
                                          "writes 01:00 01:00-01:10", "follows 01:10 01:10-01:20"));
  EXPECT_EQ(timeline.runs.at(1).trigger, "asset");
}

TEST(SimulationTest, RunsOfAJobThatOverlapAreNamed) {
  JobSpec queues = Hourly("queues");
  JobSpec skips = Hourly("skips");
  skips.policy.overlap = estate::RunOverlap::kSkip;
  const Timeline timeline = MustSimulate({queues, skips}, For(3h, 90min));
  const std::vector<JobOverlap> overlaps = JobOverlapsOf(timeline);
  ASSERT_THAT(overlaps, SizeIs(2));
  EXPECT_EQ(overlaps[0].job, "queues");
  EXPECT_EQ(overlaps[0].waits, 2U);
  EXPECT_EQ(overlaps[0].longest_wait, 1h) << "the third had not begun";
  EXPECT_EQ(overlaps[1].skipped, 1U);
}

TEST(SimulationTest, JobsThatWriteAFileAtATimeCollide) {
  JobSpec a = Hourly("a");
  a.tasks.front().writes = "dw.d.a";
  JobSpec b = Hourly("b");
  b.tasks.front().writes = "dw.d.b";
  JobSpec other = Hourly("other");
  other.tasks.front().writes = "elsewhere.d.c";
  const Timeline timeline = MustSimulate({a, b, other}, For(2h, 10min));
  const std::vector<FileCollision> collisions = FileCollisionsOf(timeline);
  ASSERT_THAT(collisions, SizeIs(1));
  EXPECT_EQ(collisions[0].project, "dw");
  EXPECT_EQ(collisions[0].first_job, "a");
  EXPECT_EQ(collisions[0].second_job, "b");
  EXPECT_EQ(collisions[0].times, 2U);
  EXPECT_EQ(collisions[0].total, 20min);
  const std::vector<Use> files = UseOfFiles(timeline);
  ASSERT_THAT(files, SizeIs(2));
  EXPECT_EQ(files[0].peak, 2);
  EXPECT_EQ(files[1].peak, 1);
}

TEST(SimulationTest, AnEndlessRhythmIsCut) {
  SimulationOptions options = For(24h * 365, 1min);
  options.moments_max = 100;
  const Timeline timeline = MustSimulate({Hourly("hourly")}, options);
  EXPECT_TRUE(timeline.is_cut);
  EXPECT_LT(timeline.to, options.to);
  EXPECT_FALSE(timeline.runs.empty());
}

TEST(SimulationTest, AWeekOfManyJobsTakesNoTime) {
  std::vector<JobSpec> jobs;
  for (int i = 0; i < 20; ++i) jobs.push_back(Hourly("job-" + std::to_string(i)));
  const auto began = SystemClock().Monotonic();
  EXPECT_THAT(MustSimulate(std::move(jobs), For(24h * 7, 5min)).runs, SizeIs(20 * 24 * 7));
  EXPECT_LT(SystemClock().Monotonic() - began, 20s);
}

TEST(DurationsTest, AreTheMedianOfWhatSucceeded) {
  const auto store = RunStore::Open(":memory:").value();
  JobStore jobs(store->file());
  int number = 0;
  for (const double seconds : {1.0, 9.0, 2.0, 100.0}) {
    JobRun run;
    run.id = "dag@" + std::to_string(++number);
    run.job = "dag";
    TaskRow& task = run.tasks.emplace_back();
    task.task = "load";
    task.attempt = 1;
    task.seconds = seconds;
    task.state = seconds > 50 ? TaskState::kFailed : TaskState::kSucceeded;
    jobs.Create(run);
    jobs.Record(run.id, task);
  }
  ASSERT_TRUE(jobs.Flush().ok());
  RunRecord command;
  command.id = "orders@now/manual";
  command.job = "orders";
  command.started_at = "2026-11-23T10:00:00.000000+00:00";
  ASSERT_TRUE(store->Insert(command).ok());
  command.state = RunState::kSucceeded;
  command.seconds = 0.5;
  ASSERT_TRUE(store->Finish(command).ok());
  const auto durations = Durations::Read(store->file());
  ASSERT_TRUE(durations.ok()) << durations.error().message();
  EXPECT_EQ(durations.value().Find("dag", "load"), std::optional(std::chrono::microseconds(2s)));
  EXPECT_EQ(durations.value().Find("orders", "orders"),
            std::optional(std::chrono::microseconds(500ms)));
  EXPECT_EQ(durations.value().Find("dag", "other"), std::nullopt);
}

}  // namespace
}  // namespace afluente::orchestrator
