// Runs of the past wait for those of the present.
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

class BackfillTest : public SchedulerTest {
 protected:
  std::vector<FireTime> Hours(int count) {
    std::vector<FireTime> occasions;
    const WallTime first = clock_.Now() - 1000h;
    for (int hour = 0; hour < count; ++hour) {
      const WallTime nominal = first + hour * 1h;
      occasions.push_back({nominal, nominal, nominal - 1h});
    }
    return occasions;
  }

  std::size_t Backfill(const std::string& job, int count) {
    const auto made = scheduler_->Backfill(job, Hours(count), "");
    EXPECT_TRUE(made.ok());
    Tick();
    return made.value();
  }

  void EndFirst() { End(executor_.running.begin()->first); }
};

TEST_F(BackfillTest, GoesOneByOneAndIsMadeOnce) {
  Job("daily");
  Start();
  EXPECT_EQ(Backfill("daily", 3), 3U);
  EXPECT_EQ(Backfill("daily", 4), 1U);
  for (int left = 4; left > 0; --left) {
    ASSERT_THAT(executor_.running, SizeIs(1));
    EXPECT_EQ(executor_.running.begin()->second.attempt.trigger, kBackfillTrigger);
    EndFirst();
    Tick();
  }
  EXPECT_THAT(executor_.running, IsEmpty());
  EXPECT_THAT(executor_.started, SizeIs(4));
}

TEST_F(BackfillTest, ALiveRunWaitsForNone) {
  Job("daily");
  Start();
  Backfill("daily", 3);
  const std::string live = Trigger("daily");
  EXPECT_THAT(executor_.started, ElementsAre(HasSubstr("backfill"), live + " main"));
  EndFirst();
  Tick();
  // The next one waits while something live of its job runs.
  EXPECT_THAT(executor_.running, SizeIs(1));
  EXPECT_THAT(scheduler_->Why("daily").value().reasons,
              Contains(HasSubstr("2 backfill runs wait until nothing else of it runs")));
  End(live + " main");
  Tick();
  EXPECT_THAT(executor_.started, SizeIs(3));
}

TEST_F(BackfillTest, LiveTasksTakeSlotsFirst) {
  max_tasks_ = 1;
  Open();
  Job("a");
  Job("b");
  Job("c");
  Start();
  Backfill("a", 1);
  Backfill("b", 1);
  const std::string live = Trigger("c");
  EndFirst();
  EXPECT_THAT(executor_.started, ElementsAre(HasSubstr("a@"), live + " main"));
}

TEST_F(BackfillTest, NoMoreThanTwoAtATimeOverAllJobsAndTheyOutliveTheProcess) {
  for (const char* name : {"a", "b", "c"}) Job(name);
  Start();
  for (const char* name : {"a", "b", "c"}) Backfill(name, 2);
  EXPECT_THAT(executor_.running, SizeIs(2));
  Restart();
  Tick();
  EXPECT_THAT(executor_.running, SizeIs(2));
  for (int left = 6; left > 0; --left) {
    ASSERT_THAT(executor_.running, testing::Not(IsEmpty())) << left;
    EndFirst();
    Tick();
  }
  EXPECT_THAT(executor_.running, IsEmpty());
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_THAT(Runs(name), testing::Each(HasSubstr("succeeded"))) << name;
  }
}

TEST_F(BackfillTest, APauseHoldsThemAndACancelEndsOne) {
  Job("daily");
  Start();
  ASSERT_TRUE(scheduler_->Pause("daily").ok());
  Backfill("daily", 2);
  EXPECT_THAT(executor_.started, IsEmpty());
  const std::string first = RunId("daily", Hours(1).front().nominal, kBackfillTrigger);
  ASSERT_TRUE(scheduler_->Cancel(first).ok());
  ASSERT_TRUE(scheduler_->Resume("daily").ok());
  Tick();
  EXPECT_EQ(RunState(first), "cancelled");
  EXPECT_THAT(executor_.running, SizeIs(1));
}

}  // namespace
}  // namespace afluente::orchestrator
