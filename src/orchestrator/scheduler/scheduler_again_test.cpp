// An attempt that asks to be started again later: what waits for something to be there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestrator/scheduler/scheduler.h"
#include "orchestrator/scheduler/test_scheduler.h"

namespace afluente::orchestrator {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

AttemptOutcome NotYet(std::chrono::milliseconds again_after, const std::string& why = "") {
  AttemptOutcome outcome;
  outcome.again_after = again_after;
  if (!why.empty()) outcome.status = Error(ErrorKind::kNotFound, why);
  return outcome;
}

class SchedulerAgainTest : public SchedulerTest {
 protected:
  std::size_t Attempts(const std::string& run) {
    return JobStore(store_->file()).Attempts(run).value().size();
  }
};

TEST_F(SchedulerAgainTest, HoldsNoSlotAndIsOneAttemptThatHasNotFailed) {
  pools_ = {{"few", 1}};
  Open();
  Job("waits", {Task("sensor"), Task("then", {"sensor"})});
  jobs_.back().tasks.front().pool = "few";
  Job("other");
  jobs_.back().tasks.front().pool = "few";
  Start();
  const std::string run = Trigger("waits");
  const std::string other = Trigger("other");
  EXPECT_THAT(executor_.started, ElementsAre(run + " sensor"));
  End(run + " sensor", NotYet(30s, "file in.csv is not there"));
  EXPECT_THAT(Tasks(run), Contains("sensor retrying"));
  EXPECT_THAT(executor_.started, ElementsAre(run + " sensor", other + " main"));
  EXPECT_THAT(scheduler_->Why("waits").value().reasons,
              Contains(HasSubstr("looks again at 2026-11-24T00:00:30.000000+00:00: file in.csv is "
                                 "not there")));
  End(other + " main");
  After(30s - 1us);
  EXPECT_THAT(executor_.started, SizeIs(2));
  for (int look = 0; look < 100; ++look) {
    After(look == 0 ? std::chrono::microseconds(1us) : 30s);
    ASSERT_THAT(executor_.running, SizeIs(1));
    EXPECT_EQ(executor_.running.begin()->second.attempt.ref.attempt, 1);
    End(run + " sensor", NotYet(30s));
  }
  EXPECT_EQ(Attempts(run), 0U);
  After(30s);
  End(run + " sensor");
  EXPECT_EQ(Attempts(run), 1U);
  EXPECT_THAT(Tasks(run), ElementsAre("sensor succeeded", "then running"));
  End(run + " then");
  EXPECT_EQ(RunState(run), "succeeded");
}

struct TimeoutCase {
  bool while_running;
  bool restarts;
  bool skips;
};
class SchedulerAgainTimeoutTest : public SchedulerAgainTest,
                                  public testing::WithParamInterface<TimeoutCase> {};
INSTANTIATE_TEST_SUITE_P(
    All, SchedulerAgainTimeoutTest,
    testing::Values(TimeoutCase{false, false, false}, TimeoutCase{false, true, false},
                    TimeoutCase{true, false, false}, TimeoutCase{true, true, false},
                    TimeoutCase{false, false, true}, TimeoutCase{true, true, true}));

TEST_P(SchedulerAgainTimeoutTest, CountsFromTheFirstStart) {
  const TimeoutCase& test = GetParam();
  Job("waits");
  jobs_.back().tasks.front().timeout = 5min;
  jobs_.back().tasks.front().skip_at_timeout = test.skips;
  Start();
  const std::string run = Trigger("waits");
  End(run + " main", NotYet(2min));
  After(2min);
  if (!test.while_running) End(run + " main", NotYet(10min));
  if (test.restarts) Restart();
  Tick();
  After(3min - 1us);
  EXPECT_EQ(RunState(run), "running");
  EXPECT_THAT(executor_.cancelled, IsEmpty());
  After(1us);
  if (test.while_running) {
    EXPECT_THAT(executor_.cancelled, ElementsAre(run + " main"));
    End(run + " main", NotYet(2min));
  }
  EXPECT_EQ(RunState(run), test.skips ? "succeeded" : "failed");
  EXPECT_THAT(Tasks(run), ElementsAre(test.skips ? "main skipped" : "main failed"));
  EXPECT_EQ(Attempts(run), 1U);
  const std::string error = store_->History("waits", 1).value().front().error;
  EXPECT_EQ(error, test.skips ? "" : "it took longer than its timeout of 300 s");
}

TEST_F(SchedulerAgainTest, WaitsOnAfterARestart) {
  Job("waits");
  Start();
  const std::string run = Trigger("waits");
  End(run + " main", NotYet(30min));
  clock_.Advance(10min);
  Restart();
  After(20min - 1us);
  EXPECT_THAT(executor_.started, SizeIs(1));
  After(1us);
  EXPECT_THAT(executor_.started, SizeIs(2));
  // Killed while it looks: the same attempt looks again.
  Restart();
  Tick();
  EXPECT_EQ(executor_.running.at(run + " main").attempt.ref.attempt, 1);
  End(run + " main");
  EXPECT_EQ(RunState(run), "succeeded");
}

TEST_F(SchedulerAgainTest, AFailureBetweenIsTriedAgainAsAnotherAttempt) {
  Job("waits");
  jobs_.back().tasks.front().retry.retries = 1;
  jobs_.back().tasks.front().retry.delay = 10s;
  jobs_.back().tasks.front().retry.jitter = 0;
  Start();
  const std::string run = Trigger("waits");
  End(run + " main", NotYet(1min));
  After(1min);
  End(run + " main", Failed(ErrorKind::kTransient, "away"));
  EXPECT_EQ(Attempts(run), 1U);
  After(10s);
  EXPECT_EQ(executor_.running.at(run + " main").attempt.ref.attempt, 2);
  End(run + " main", NotYet(1min));
  ASSERT_TRUE(scheduler_->Cancel(run).ok());
  EXPECT_EQ(RunState(run), "cancelled");
  ASSERT_TRUE(scheduler_->Retry(run).ok());
  Tick();
  EXPECT_EQ(executor_.running.at(run + " main").attempt.ref.attempt, 3) << "begins anew";
}

}  // namespace
}  // namespace afluente::orchestrator
