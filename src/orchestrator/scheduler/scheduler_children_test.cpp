// A task that is a run of another job.
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

TaskSpec Calls(const std::string& name, const std::string& job,
               std::vector<std::string> after = {}) {
  TaskSpec task = Task(name, std::move(after));
  task.kind = "dag";
  task.child = ChildRun{job, [](const Attempt& attempt) -> Result<std::string> {
                          return "{\"from\":\"" + attempt.job + "\"}";
                        }};
  return task;
}

class ChildrenTest : public SchedulerTest {
 protected:
  ChildrenTest() {
    max_tasks_ = 1;  // A parent that held a slot would wait for itself for ever.
    Open();
    Job("child", {Task("one"), Task("two", {"one"})});
    Job("parent", {Task("first"), Calls("call", "child", {"first"}), Task("last", {"call"})});
  }

  std::string BeginParent() {
    const std::string parent = Trigger("parent");
    child_ = "child" + parent.substr(parent.find('@'), parent.find('/') - parent.find('@')) +
             "/dag:parent.call";
    End(parent + " first");
    return parent;
  }

  std::string child_;
};

TEST_F(ChildrenTest, ItsEndIsTheChildsEnd) {
  Start();
  const std::string parent = BeginParent();
  EXPECT_THAT(executor_.running, SizeIs(1));
  EXPECT_EQ(executor_.running.begin()->second.attempt.params, "{\"from\":\"parent\"}");
  EXPECT_THAT(scheduler_->Why("parent").value().reasons,
              Contains(HasSubstr("waits for run " + child_)));
  End(child_ + " one");
  End(child_ + " two");
  Tick();
  EXPECT_EQ(RunState(child_), "succeeded");
  EXPECT_THAT(Tasks(parent), Contains("call succeeded"));
  End(parent + " last");
  EXPECT_EQ(RunState(parent), "succeeded");
}

TEST_F(ChildrenTest, AFailureIsTheTasksAndARetryGoesOnWhereTheChildFailed) {
  Start();
  const std::string parent = BeginParent();
  End(child_ + " one");
  End(child_ + " two", Failed(ErrorKind::kInternal, "it broke"));
  Tick();
  EXPECT_EQ(RunState(parent), "failed");
  ASSERT_TRUE(scheduler_->Retry(parent).ok());
  Tick();
  EXPECT_EQ(executor_.started.back(), child_ + " two");
  End(child_ + " two");
  Tick();
  End(parent + " last");
  EXPECT_EQ(RunState(parent), "succeeded");
  EXPECT_THAT(executor_.started, ElementsAre(parent + " first", child_ + " one", child_ + " two",
                                             child_ + " two", parent + " last"));
}

TEST_F(ChildrenTest, ClearRunsTheWholeChildAgain) {
  Start();
  const std::string parent = BeginParent();
  End(child_ + " one");
  End(child_ + " two");
  Tick();
  End(parent + " last");
  After(1s);
  ASSERT_TRUE(scheduler_->Clear(parent, "call", true).ok());
  Tick();
  End(child_ + " one");
  End(child_ + " two");
  Tick();
  End(parent + " last");
  EXPECT_EQ(RunState(parent), "succeeded");
  EXPECT_THAT(executor_.started, SizeIs(7));
}

TEST_F(ChildrenTest, ACancelReachesTheChild) {
  Start();
  const std::string parent = BeginParent();
  ASSERT_TRUE(scheduler_->Cancel(parent).ok());
  EXPECT_THAT(executor_.cancelled, ElementsAre(child_ + " one"));
  End(child_ + " one", Failed(ErrorKind::kCancelled, "it was asked to end"));
  Tick();
  EXPECT_EQ(RunState(child_), "cancelled");
  EXPECT_EQ(RunState(parent), "cancelled");
}

TEST_F(ChildrenTest, ATimeoutReachesTheChild) {
  jobs_.back().tasks[1].timeout = 1min;
  Start();
  const std::string parent = BeginParent();
  After(1min);
  EXPECT_THAT(executor_.cancelled, ElementsAre(child_ + " one"));
  End(child_ + " one", Failed(ErrorKind::kCancelled, "it was asked to end"));
  Tick();
  EXPECT_THAT(Tasks(parent), Contains("call failed"));
  EXPECT_THAT(Tasks(parent), Contains("last upstream_failed"));
}

TEST_F(ChildrenTest, BothOutliveTheProcess) {
  executor_.outlives = true;
  Start();
  const std::string parent = BeginParent();
  Restart();
  Tick();
  End(child_ + " one");
  Restart();
  Tick();
  End(child_ + " two");
  Restart();
  Tick();
  Tick();
  EXPECT_THAT(Tasks(parent), Contains("call succeeded"));
  End(parent + " last");
  EXPECT_EQ(RunState(parent), "succeeded");
  EXPECT_THAT(executor_.started, SizeIs(4));
}

TEST_F(ChildrenTest, AChildThatIsLetGoIsSkipped) {
  jobs_.front().policy.overlap = estate::RunOverlap::kSkip;
  max_tasks_ = 2;
  Open();
  Start();
  Trigger("child");
  After(1s);
  const std::string parent = BeginParent();
  Tick();
  EXPECT_EQ(RunState(child_), "skipped");
  EXPECT_THAT(Tasks(parent), Contains("call skipped"));
  EXPECT_EQ(RunState(parent), "succeeded");
  EXPECT_THAT(executor_.running, SizeIs(1));
}

TEST_F(ChildrenTest, AJobThatIsGoneFailsTheTask) {
  jobs_.front().name = "renamed";
  Start();
  const std::string parent = BeginParent();
  Tick();
  EXPECT_EQ(RunState(parent), "failed");
  EXPECT_THAT(executor_.running, IsEmpty());
}

}  // namespace
}  // namespace afluente::orchestrator
