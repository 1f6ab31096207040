// The hard cases of scheduling that other schedulers got wrong, each with what it must come to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "estate/estate.h"
#include "orchestrator/schedule/schedule.h"
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

WallTime At(int year, unsigned month, unsigned day, std::chrono::minutes of_day) {
  return std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) /
                               static_cast<int>(day)) +
         of_day;
}

/// Fire times of a cron as `serve` has them.
std::function<std::optional<FireTime>(WallTime)> Cron(const std::string& cron,
                                                      const std::string& zone) {
  estate::ScheduleSpec spec;
  spec.cron = cron;
  spec.zone = zone;
  const auto made = schedule::Schedule::Make("job", {spec}, estate::Estate());
  EXPECT_TRUE(made.ok());
  return [fires = std::make_shared<schedule::Schedule>(made.value())](
             WallTime after) -> std::optional<FireTime> {
    const auto fire = fires->Next(after);
    if (!fire) return std::nullopt;
    return FireTime{fire->nominal, fire->at, fires->IntervalOf(fire->nominal).begin};
  };
}

class HardCasesTest : public SchedulerTest {
 protected:
  /// Lets time pass in steps; what runs ends at once.
  void Pass(std::chrono::minutes time, std::chrono::minutes step) {
    for (std::chrono::minutes passed(0); passed < time; passed += step) {
      After(step);
      while (!executor_.running.empty()) End(executor_.running.begin()->first);
    }
  }

  std::vector<std::string> NominalTimes(const std::string& job) {
    std::vector<std::string> times;
    const auto rows = store_->file().Select("SELECT id FROM runs WHERE job = ? ORDER BY id", {job});
    for (const auto& row : rows.value()) times.push_back(row.front().substr(job.size() + 1, 16));
    return times;
  }
};

// Case 1, a crash between making a run and recording it: scheduler_test.cpp kills at each step.
TEST_F(HardCasesTest, ACrashBeforeARunIsDurableMakesItAgainWithTheSameId) {
  Job("hourly").next_fire = Every(60min);
  Start();
  crash_at_ = "tick_created";
  EXPECT_THROW(After(60min), Crash);
  EXPECT_THAT(Runs("hourly"), IsEmpty());
  Restart();
  Tick();
  EXPECT_THAT(executor_.started,
              ElementsAre("hourly@2026-11-24T01:00:00.000000+00:00/schedule main"));
}

// Case 2, a double fire: the same occasion has one run, whoever asks for it how often.
TEST_F(HardCasesTest, ADoubleFireIsOneRun) {
  Job("hourly").next_fire = Every(60min);
  Start();
  const WallTime one = clock_.Now() + 60min;
  const FireTime fire{one, one, one - 60min};
  const auto first = scheduler_->Trigger("hourly", "manual", fire, "");
  const auto again = scheduler_->Trigger("hourly", "manual", fire, "");
  EXPECT_EQ(first.value(), again.value());
  Tick();
  End(first.value() + " main");
  EXPECT_EQ(scheduler_->Trigger("hourly", "manual", fire, "").value(), first.value());
  Tick();
  EXPECT_THAT(executor_.started, SizeIs(1)) << "also when it has ended";
  // The high-water mark is lost, as by a restored backup of an hour before.
  After(60min);
  End(first.value().substr(0, first.value().find('/')) + "/schedule main");
  ASSERT_TRUE(
      store_->file().Execute("UPDATE jobs SET high_water_us = high_water_us - 3600000000").ok());
  Restart();
  Tick();
  EXPECT_THAT(executor_.started, SizeIs(2));
}

// Case 3, a crash after dispatch and before it is known whether it began.
TEST_F(HardCasesTest, ACrashAfterDispatchTakesUpWhatBeganAndBeginsWhatDidNot) {
  for (const bool began : {false, true}) {
    executor_.outlives = true;
    const std::string name = began ? "began" : "did-not";
    Job(name);
    Restart();
    crash_at_ = began ? "process_started" : "task_leased";
    EXPECT_THROW(Trigger(name), Crash);
    executor_.started.clear();
    Restart();
    Tick();
    EXPECT_THAT(executor_.started, SizeIs(began ? 0 : 1));
    ASSERT_THAT(executor_.running, SizeIs(1));
    End(executor_.running.begin()->first);
    EXPECT_THAT(Runs(name), ElementsAre(HasSubstr("succeeded")));
  }
}

// Case 4, a lost update: a row that somebody else changed is not written over, and nobody else's
// runs stand still for it.
TEST_F(HardCasesTest, ARowThatSomebodyElseChangedIsTheirsAndHoldsNobodyUp) {
  Job("changed", {Task("a"), Task("b", {"a"})});
  Job("other");
  pools_ = {{"few", 1}};
  jobs_.front().tasks.front().pool = "few";
  Open();
  Start();
  const std::string changed = Trigger("changed");
  const std::string other = Trigger("other");
  ASSERT_TRUE(store_->file()
                  .Execute("UPDATE tasks SET state = 'succeeded', attempt = 7 WHERE run = ? AND "
                           "task = 'a'",
                           {changed})
                  .ok());
  executor_.End(changed + " a", Failed(ErrorKind::kConversion, "a bad value"));
  End(other + " main");
  EXPECT_EQ(RunState(other), "succeeded");
  Tick();
  EXPECT_THAT(Tasks(changed), ElementsAre("a succeeded", "b running"))
      << "the run goes on from what the store says, as after a restart";
  End(changed + " b");
  EXPECT_EQ(RunState(changed), "succeeded");
}

// Case 4 again, while a task of the run is at work: it is asked to stop, and its slot comes back.
TEST_F(HardCasesTest, WhatRunsOfAChangedRunEndsBeforeTheRunGoesOn) {
  Job("changed", {Task("a"), Task("b", {"a"})});
  Start();
  const std::string run = Trigger("changed");
  ASSERT_TRUE(store_->file()
                  .Execute("UPDATE tasks SET state = 'skipped' WHERE run = ? AND task = 'b'", {run})
                  .ok());
  const Status cancelled = scheduler_->Cancel(run);
  ASSERT_FALSE(cancelled.ok());
  EXPECT_THAT(cancelled.error().message(), HasSubstr("somebody else changed run " + run));
  EXPECT_THAT(executor_.cancelled, ElementsAre(run + " a"));
  EXPECT_EQ(scheduler_->running(), 1U);
  End(run + " a", Failed(ErrorKind::kCancelled, "asked to"));
  Tick();
  EXPECT_THAT(Tasks(run), ElementsAre("a cancelled", "b skipped"));
  EXPECT_EQ(scheduler_->running(), 0U);
}

// Case 5, a gap of the clocks: São Paulo's were at midnight, where croniter stood still for ever.
TEST_F(HardCasesTest, AGapOfTheClocksShiftsATimeOfDayAndSkipsARhythm) {
  clock_.Set(At(2018, 11, 3, 2h));
  Job("daily").next_fire = Cron("0 0 * * *", "America/Sao_Paulo");
  Job("rhythm").next_fire = Cron("30 */2 * * *", "America/Sao_Paulo");
  Start();
  Pass(50h, 10min);
  EXPECT_THAT(NominalTimes("daily"),
              ElementsAre("2018-11-03T03:00", "2018-11-04T03:00", "2018-11-05T02:00"));
  EXPECT_THAT(NominalTimes("rhythm"), testing::Not(Contains("2018-11-04T03:30")))
      << "00:30 does not exist";
  EXPECT_THAT(NominalTimes("rhythm"), Contains("2018-11-04T04:30"));
}

// Case 6, an overlap of the clocks: a time of day comes once, a rhythm goes on, no interval is
// empty.
TEST_F(HardCasesTest, AnOverlapOfTheClocksRunsATimeOfDayOnceAndARhythmTwice) {
  clock_.Set(At(2018, 11, 4, 3h));
  Job("daily").next_fire = Cron("30 1 * * *", "America/New_York");
  Job("rhythm").next_fire = Cron("30 * * * *", "America/New_York");
  Start();
  Pass(6h, 10min);
  EXPECT_THAT(NominalTimes("daily"), ElementsAre("2018-11-04T05:30"));
  EXPECT_THAT(NominalTimes("rhythm"),
              ElementsAre("2018-11-04T03:30", "2018-11-04T04:30", "2018-11-04T05:30",
                          "2018-11-04T06:30", "2018-11-04T07:30", "2018-11-04T08:30"));
  const auto empty =
      store_->file().Select("SELECT id FROM runs WHERE interval_start_us >= nominal_us");
  EXPECT_THAT(empty.value(), IsEmpty());
}

// Case 7, a zone's rule changes: what is stored is how far the schedule came, and the next time
// comes from the rule as it is now.
TEST_F(HardCasesTest, AChangedRuleOfAZoneMovesTheNextFireAndRepeatsNone) {
  clock_.Set(At(2026, 11, 24, 0h));
  Job("daily").next_fire = Cron("0 9 * * *", "Etc/GMT+3");
  Start();
  Pass(12h, 10min);
  jobs_.back().next_fire = Cron("0 9 * * *", "Etc/GMT+2");  // What the database says now.
  Restart();
  Pass(23h, 10min);
  EXPECT_THAT(NominalTimes("daily"), ElementsAre("2026-11-24T12:00", "2026-11-25T11:00"));
}

// Case 8, fire times missed while down: scheduler_test.cpp has the policies; here none is bounded
// by how long nobody was there.
TEST_F(HardCasesTest, WhatWasMissedIsBoundedByTheWindow) {
  Job("hourly").next_fire = Every(60min);
  jobs_.back().policy.catch_up = estate::CatchUp::kAll;
  jobs_.back().policy.catch_up_window = 3h;
  Start();
  Tick();
  clock_.Advance(24h * 365);
  Restart();
  Pass(0min, 1min);
  Tick();
  while (!executor_.running.empty()) End(executor_.running.begin()->first);
  EXPECT_THAT(NominalTimes("hourly"),
              ElementsAre("2027-11-23T22:00", "2027-11-23T23:00", "2027-11-24T00:00"));
}

// Case 9, paused, edited, and resumed: neither the fires of the pause nor those before the edit.
TEST_F(HardCasesTest, PausedEditedAndResumedItFiresFromThenOn) {
  Job("job").next_fire = Every(60min);
  jobs_.back().policy.catch_up = estate::CatchUp::kAll;
  jobs_.back().schedule_text = "every 60m";
  Start();
  ASSERT_TRUE(scheduler_->Pause("job").ok());
  Pass(3h, 10min);
  jobs_.back().next_fire = Every(30min);
  jobs_.back().schedule_text = "every 30m";
  Restart();
  Pass(45min, 5min);
  ASSERT_TRUE(scheduler_->Resume("job").ok());
  EXPECT_THAT(NominalTimes("job"), IsEmpty());
  Pass(30min, 5min);
  EXPECT_THAT(NominalTimes("job"), ElementsAre("2026-11-24T04:00"));
}

// Case 10, overlap: decided when it is a run's turn, so that an edited policy holds for what waits.
TEST_F(HardCasesTest, AnEditedOverlapHoldsForRunsThatWait) {
  Job("hourly").next_fire = Every(60min);
  executor_.outlives = true;
  Start();
  for (int hour = 0; hour < 3; ++hour) After(60min);
  EXPECT_THAT(Runs("hourly"), ElementsAre("01:00 running", "02:00 queued", "03:00 queued"));
  jobs_.back().policy.overlap = estate::RunOverlap::kSkip;
  Restart();
  EXPECT_THAT(Runs("hourly"), ElementsAre("01:00 running", "02:00 skipped", "03:00 skipped"));
}

// Case 11, a backfill beside live runs: ids of its own, and a live run never waits for what is
// left of it.
TEST_F(HardCasesTest, ABackfillDoesNotStarveLiveRuns) {
  max_tasks_ = 1;
  Open();
  Job("hourly").next_fire = Every(60min);
  Job("other");
  Start();
  std::vector<FireTime> past_fires;
  for (int hour = 1; hour <= 3; ++hour) {
    const WallTime nominal = clock_.Now() - 24h + hour * 60min;
    past_fires.push_back({nominal, nominal, nominal - 60min});
  }
  ASSERT_EQ(scheduler_->Backfill("hourly", past_fires, "").value(), 3U);
  Tick();
  const auto past = [](int hour) {
    return "hourly@2026-11-23T0" + std::to_string(hour) + ":00:00.000000+00:00/backfill main";
  };
  EXPECT_THAT(executor_.started, ElementsAre(past(1)));
  After(60min);
  const std::string other = Trigger("other");
  Restart();
  Tick();
  EXPECT_EQ(executor_.running.size(), 1U);
  while (!executor_.running.empty()) End(executor_.running.begin()->first);
  std::vector<std::string> order;
  for (const std::string& name : executor_.started) {
    if (std::find(order.begin(), order.end(), name) == order.end()) order.push_back(name);
  }
  EXPECT_EQ(order.front(), past(1));
  EXPECT_THAT((std::vector<std::string>{order.end() - 2, order.end()}),
              ElementsAre(past(2), past(3)));
  EXPECT_THAT(order, Contains(other + " main"));
  EXPECT_THAT(order, Contains("hourly@2026-11-24T01:00:00.000000+00:00/schedule main"));
}

// Case 12, the clock jumps: durations do not, and no fire time comes twice.
TEST_F(HardCasesTest, AClockThatJumpsChangesNoDurationAndRepeatsNoFire) {
  Job("hourly").next_fire = Every(60min);
  jobs_.back().tasks.front().timeout = 5min;
  Start();
  After(60min);
  clock_.Set(clock_.Now() + 10h);
  Tick();
  EXPECT_THAT(executor_.cancelled, IsEmpty()) << "no five minutes have passed";
  EXPECT_THAT(Runs("hourly"), ElementsAre("01:00 running", "11:00 queued"));
  clock_.Set(clock_.Now() - 11h);
  After(5min);
  EXPECT_THAT(executor_.cancelled, SizeIs(1));
  while (!executor_.running.empty()) End(executor_.running.begin()->first);
  Pass(11h, 10min);
  EXPECT_THAT(NominalTimes("hourly"), ElementsAre("2026-11-24T01:00", "2026-11-24T11:00"));
  Pass(1h, 10min);
  EXPECT_THAT(NominalTimes("hourly"), SizeIs(3));
}

// Case 13, a shutdown while long tasks run: what outlives it is adopted, what does not goes on.
TEST_F(HardCasesTest, AShutdownLosesNoLongTask) {
  for (const bool outlives : {true, false}) {
    executor_.outlives = outlives;
    const std::string name = outlives ? "process" : "thread";
    Job(name);
    Restart();
    const std::string run = Trigger(name);
    const std::size_t started = executor_.started.size();
    scheduler_->BeginShutdown();
    if (!outlives) End(run + " main", Failed(ErrorKind::kCancelled, "the service stops"));
    clock_.Advance(3h);
    Restart();
    Tick();
    EXPECT_EQ(executor_.started.size(), started + (outlives ? 0 : 1));
    End(run + " main");
    EXPECT_EQ(RunState(run), "succeeded");
  }
}

// Case 14, a retry after a part was done: the same data interval and parameters, and only the
// attempt that succeeded counts. That its rows replace those of the first: chaos/kill_test.cpp.
TEST_F(HardCasesTest, ARetryIsForTheSameDataAndCountsOnce) {
  Job("hourly").next_fire = Every(60min);
  jobs_.back().tasks.front().retry.retries = 1;
  Start();
  After(60min);
  const std::string name = executor_.started.front();
  const Attempt first = executor_.running.at(name).attempt;
  AttemptOutcome part = Failed(ErrorKind::kTransient, "away");
  part.rows = 500;
  End(name, std::move(part));
  After(30min);
  const Attempt second = executor_.running.at(name).attempt;
  EXPECT_EQ(second.ref.attempt, first.ref.attempt + 1);
  EXPECT_EQ(second.interval_start, first.interval_start);
  EXPECT_EQ(second.nominal, first.nominal);
  AttemptOutcome whole;
  whole.rows = 1000;
  End(name, std::move(whole));
  EXPECT_EQ(store_->History("hourly", 1).value().front().rows, 1000U);
}

// Case 15, a stuck task and a leaked slot: whatever ends how, every slot comes back, and only once.
TEST_F(HardCasesTest, EverySlotComesBackOnce) {
  pools_ = {{"few", 2}};
  max_tasks_ = 3;
  Open();
  for (const std::string name : {"a", "b", "c", "d"}) {
    Job(name);
    jobs_.back().tasks.front().pool = "few";
    jobs_.back().tasks.front().timeout = 5min;
  }
  Start();
  const std::string stuck = Trigger("a");
  const std::string cancelled = Trigger("b");
  const std::string waits = Trigger("c");
  After(5min);
  EXPECT_THAT(executor_.cancelled, SizeIs(2));
  EXPECT_THAT(executor_.running, SizeIs(2)) << "a stuck task keeps its slot until it is gone";
  const FakeExecutor::Running late = executor_.running.at(stuck + " main");
  ASSERT_TRUE(scheduler_->Cancel(cancelled).ok());
  End(stuck + " main", Failed(ErrorKind::kCancelled, "killed"));
  End(cancelled + " main", Failed(ErrorKind::kCancelled, "killed"));
  late.on_ended(late.attempt.ref, AttemptOutcome());  // Told twice.
  Tick();
  EXPECT_EQ(RunState(stuck), "failed");
  EXPECT_EQ(RunState(cancelled), "cancelled");
  EXPECT_EQ(scheduler_->running(), 1U);
  Restart();
  Tick();
  EXPECT_THAT(executor_.running, SizeIs(1));
  const std::string more = Trigger("d");
  const std::string most = Trigger("a");
  EXPECT_THAT(executor_.running, SizeIs(2)) << "two slots, neither leaked nor doubled";
  EXPECT_THAT(scheduler_->Why("a").value().reasons,
              Contains(HasSubstr("waits for pool few: 0 of its 2 slots are free")));
  for (const std::string& run : {waits, more, most}) End(run + " main");
  EXPECT_EQ(scheduler_->running(), 0U);
}

}  // namespace
}  // namespace afluente::orchestrator
