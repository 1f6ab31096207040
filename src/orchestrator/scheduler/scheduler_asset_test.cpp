// Jobs that run after a table was updated.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestrator/scheduler/scheduler.h"
#include "orchestrator/scheduler/test_scheduler.h"

namespace afluente::orchestrator {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class SchedulerAssetTest : public SchedulerTest {
 protected:
  SchedulerAssetTest() {
    Job("follows").on_asset = "dw.d.t";
    Start();
  }
  void Update(const std::string& table = "dw.d.t") {
    scheduler_->Updated(table);
    Tick();
  }
  void EndOne() { End(executor_.running.begin()->first); }
};

TEST_F(SchedulerAssetTest, RunsForItsTableAndNoOther) {
  Update("dw.d.other");
  EXPECT_THAT(executor_.started, IsEmpty());
  Update();
  ASSERT_THAT(executor_.started,
              ElementsAre("follows@2026-11-24T00:00:00.000001+00:00/asset main"));
  EXPECT_THAT(scheduler_->assets(), ElementsAre("dw.d.t"));
  EXPECT_THAT(scheduler_->Why("follows").value().reasons.back(),
              HasSubstr("it waits for updates of dw.d.t"));
}

TEST_F(SchedulerAssetTest, ManyUpdatesWhileOneRunsMakeOneMore) {
  Update();
  for (int i = 0; i < 100; ++i) Update();
  EXPECT_THAT(executor_.started, SizeIs(1));
  EndOne();
  EXPECT_THAT(executor_.started, SizeIs(2));
  EndOne();
  EXPECT_THAT(executor_.started, SizeIs(2)) << "nothing came after it began";
}

TEST_F(SchedulerAssetTest, RestsThreeTimesAsLongAsItTook) {
  Update();
  clock_.Advance(10s);
  Update();
  EndOne();
  After(30s - 1us);
  Update();
  EXPECT_THAT(executor_.started, SizeIs(1));
  After(1us);
  EXPECT_THAT(executor_.started, SizeIs(2));
  const Attempt attempt = executor_.running.begin()->second.attempt;
  EXPECT_EQ(attempt.interval_start, attempt.nominal - 40s + 1us)
      << "its interval begins where that of the run before ended";
}

TEST_F(SchedulerAssetTest, WhatHappensInAPauseIsOneRunAfterIt) {
  ASSERT_TRUE(scheduler_->Pause("follows").ok());
  Update();
  Update();
  EXPECT_THAT(executor_.started, IsEmpty());
  ASSERT_TRUE(scheduler_->Resume("follows").ok());
  Tick();
  EXPECT_THAT(executor_.started, SizeIs(1));
}

TEST_F(SchedulerAssetTest, ARunThatAPersonTriggersIsForTheUpdatesToo) {
  const std::string run = Trigger("follows");
  Update();
  EXPECT_THAT(executor_.started, SizeIs(1));
  End(run + " main");
  EXPECT_THAT(executor_.started, SizeIs(2)) << "it had begun before the update";
}

}  // namespace
}  // namespace afluente::orchestrator
