#include "pipeline/follow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace afluente::pipeline {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using State = ChangeSource::State;

class FakeClock final : public Clock {
 public:
  WallTime Now() const override { return {}; }
  std::chrono::nanoseconds Monotonic() const override {
    return std::chrono::nanoseconds(nanoseconds_.load());
  }
  void Advance(std::chrono::nanoseconds by) { nanoseconds_ += by.count(); }

 private:
  std::atomic<std::int64_t> nanoseconds_{1'000'000'000'000};
};

data::Position At(int lsn) { return {"lsn", std::to_string(lsn)}; }

/// What happened, in order; both threads write.
class Journal {
 public:
  void Add(const std::string& line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
    changed_.notify_all();
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  /// Blocks until `line` stands there.
  void WaitFor(const std::string& line) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock,
                  [&] { return std::find(lines_.begin(), lines_.end(), line) != lines_.end(); });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

/// Plays a list of steps, one a Pump. After the last one it is idle: it waits to
/// be woken, and lets time pass, as a real one does.
class FakeSource final : public ChangeSource {
 public:
  std::string culprit() const override { return ""; }
  /// What one Pump finds.
  struct Step {
    int changes = 0;
    int position = 0;  // 0: in the middle of a transaction.
    State state = State::kReady;
    bool mark = false;
    std::function<Status()> before = {};
  };

  FakeSource(Journal& journal, FakeClock& clock, std::deque<Step> steps, int until)
      : journal_(journal), clock_(clock), steps_(std::move(steps)), until_(until) {}

  Result<State> Pump(milliseconds patience) override {
    if (steps_.empty()) {
      clock_.Advance(patience);
      if (on_idle) AFL_TRY(on_idle());
      std::unique_lock lock(mutex_);
      // The patience of a test is short: nobody waits for nothing.
      woken_.wait_for(lock, milliseconds(1), [this] { return is_woken_; });
      is_woken_ = false;
      return State::kIdle;
    }
    const Step step = std::move(steps_.front());
    steps_.pop_front();
    if (step.before) AFL_TRY(step.before());
    changes_ += step.changes;
    has_mark_ = has_mark_ || step.mark;
    in_transaction_ = step.position == 0;
    if (step.position != 0) position_ = step.position;
    return step.state;
  }

  ChangeSet Take() override {
    ChangeSet set;
    set.changes = static_cast<std::uint64_t>(std::exchange(changes_, 0));
    if (!in_transaction_) {
      has_mark_ = false;
      set.end = At(position_);
    }
    journal_.Add("take " + std::to_string(set.changes));
    return set;
  }

  bool has_changes() const override { return changes_ > 0; }
  bool has_mark() const override { return has_mark_; }
  bool between_transactions() const override { return !in_transaction_; }
  data::Position position() const override { return At(position_); }
  bool caught_up() const override { return position_ >= until_; }
  Status Confirm(const data::Position& position) override {
    journal_.Add("confirm " + position.value);
    if (fail_confirm) return Error(ErrorKind::kInternal, "no such place");
    return Done{};
  }
  Status KeepAlive() override { return Done{}; }
  void Wake() override {
    const std::lock_guard lock(mutex_);
    is_woken_ = true;
    woken_.notify_all();
  }

  std::function<Status()> on_idle;
  bool fail_confirm = false;

 private:
  Journal& journal_;
  FakeClock& clock_;
  std::deque<Step> steps_;
  const int until_;
  int changes_ = 0;
  std::atomic<int> position_{0};
  bool in_transaction_ = false;
  bool has_mark_ = false;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool is_woken_ = false;
};

class FakeSink final : public ChangeSink {
 public:
  std::string culprit() const override { return ""; }
  explicit FakeSink(Journal& journal) : journal_(journal) {}

  Result<std::map<std::string, data::Position>> Stored() override {
    return std::map<std::string, data::Position>();
  }
  Status Apply(ChangeSet& changes) override {
    if (++in_flight_ != 1) journal_.Add("two at once");
    const std::string what =
        std::to_string(changes.changes) + " to " + (changes.end ? changes.end->value : "-");
    journal_.Add("begin " + what);
    if (during) during();
    ++applied_;
    --in_flight_;
    if (applied_ == fail_at) return Error(ErrorKind::kConversion, "does not fit");
    if (applied_ == throw_at) throw std::runtime_error("a bug in a test");
    journal_.Add("applied " + what);
    return Done{};
  }

  std::function<void()> during;
  int fail_at = 0;
  int throw_at = 0;

 private:
  Journal& journal_;
  std::atomic<int> in_flight_{0};
  int applied_ = 0;
};

class FollowTest : public testing::Test {
 protected:
  void Make(std::deque<FakeSource::Step> steps, int until) {
    source_ = std::make_unique<FakeSource>(journal_, clock_, std::move(steps), until);
  }
  Status Run(bool until_caught_up = true) {
    FollowOptions options;
    options.until_caught_up = until_caught_up;
    return Follow(
        *source_, sink_, options, clock_,
        [&](const Applied& applied) {
          told_ += applied.changes.changes;
          if (applied.changes.end) told_place_ = std::stoi(applied.changes.end->value);
        },
        stop_.get_token());
  }
  /// The lines that begin with `word`.
  std::vector<std::string> Lines(const std::string& word) const {
    std::vector<std::string> lines;
    for (const std::string& line : journal_.lines()) {
      if (line.starts_with(word + " ")) lines.push_back(line);
    }
    return lines;
  }

  Journal journal_;
  FakeClock clock_;
  FakeSink sink_{journal_};
  std::unique_ptr<FakeSource> source_;
  std::stop_source stop_;
  std::atomic<std::uint64_t> told_{0};
  std::atomic<int> told_place_{0};
};

TEST_F(FollowTest, ConfirmsAfterApplyingAndEndsWhenCaughtUp) {
  Make({{.changes = 3, .position = 10}}, 10);
  const Status done = Run();
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_THAT(journal_.lines(),
              ElementsAre("take 3", "begin 3 to 10", "applied 3 to 10", "confirm 10"));
  EXPECT_EQ(told_, 3U);
}

TEST_F(FollowTest, WithNothingNewNothingIsWritten) {
  Make({}, 0);
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(journal_.lines(), IsEmpty());
}

TEST_F(FollowTest, ThePlaceReachedWithoutChangesIsStoredAtTheEnd) {
  Make({{.changes = 0, .position = 10}}, 10);
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(journal_.lines(),
              ElementsAre("take 0", "begin 0 to 10", "applied 0 to 10", "confirm 10"));
}

TEST_F(FollowTest, FoldsOnWhileTheSinkWorks) {
  Make({{.changes = 1, .position = 1},
        {.changes = 1,
         .position = 2,
         .before =
             [&] {
               journal_.WaitFor("begin 1 to 1");
               return Done{};
             }},
        {.changes = 1, .position = 3},
        {.changes = 1, .position = 4}},
       4);
  sink_.during = [&, first = true]() mutable {
    if (!std::exchange(first, false)) return;
    // Ends only when the source has been read on: else this would hang.
    while (source_->position() == At(1)) std::this_thread::yield();
  };
  ASSERT_TRUE(Run().ok());
  // Whatever came meanwhile went together; nothing twice, nothing lost.
  EXPECT_EQ(told_, 4U);
  EXPECT_THAT(Lines("two"), IsEmpty());
  EXPECT_EQ(journal_.lines().back(), "confirm 4");
}

TEST_F(FollowTest, OneSetIsInFlightAndTheyComeInOrder) {
  std::deque<FakeSource::Step> steps;
  for (int i = 1; i <= 200; ++i) {
    steps.push_back({.changes = 1, .position = i, .before = [&] {
                       clock_.Advance(milliseconds(7));
                       return Done{};
                     }});
  }
  Make(std::move(steps), 200);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(told_, 200U);
  EXPECT_THAT(Lines("two"), IsEmpty());
  int last = 0;
  for (const std::string& line : Lines("confirm")) {
    const int place = std::stoi(line.substr(8));
    EXPECT_GT(place, last);
    last = place;
  }
  EXPECT_EQ(last, 200);
}

TEST_F(FollowTest, ALargeTransactionGoesInPartsAndIsConfirmedOnce) {
  Make({{.changes = 5, .position = 0, .state = State::kMustTake},
        {.changes = 5, .position = 0, .state = State::kMustTake},
        {.changes = 2, .position = 9}},
       9);
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(Lines("applied"), ElementsAre("applied 5 to -", "applied 5 to -", "applied 2 to 9"));
  EXPECT_THAT(Lines("confirm"), ElementsAre("confirm 9"));
}

TEST_F(FollowTest, NothingIsTakenInTheMiddleOfATransactionThatIsNotFull) {
  const auto hour_later = [&] {
    clock_.Advance(std::chrono::hours(1));
    return Done{};
  };
  Make({{.changes = 5, .position = 0, .state = State::kIdle},
        {.changes = 0, .position = 0, .state = State::kIdle, .before = hour_later},
        {.changes = 5, .position = 9, .before = hour_later}},
       9);
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(Lines("take"), ElementsAre("take 10"));
}

TEST_F(FollowTest, AFailureOfTheSinkEndsItAndConfirmsNothingMore) {
  std::deque<FakeSource::Step> steps;
  for (int i = 1; i <= 100; ++i) {
    steps.push_back({.changes = 1, .position = i, .state = State::kMustTake});
  }
  Make(std::move(steps), 100);
  sink_.fail_at = 3;
  const Status failed = Run();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kConversion);
  EXPECT_THAT(Lines("confirm"), ElementsAre("confirm 1", "confirm 2"));
  EXPECT_EQ(Lines("begin").size(), 3U);
}

TEST_F(FollowTest, AFailureOfTheLastSetIsNotLost) {
  Make({{.changes = 1, .position = 1}}, 1);
  sink_.fail_at = 1;
  const Status failed = Run();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kConversion);
  EXPECT_THAT(Lines("confirm"), IsEmpty());
}

TEST_F(FollowTest, ABugInTheSinkIsAFailureAndNoCrash) {
  Make({{.changes = 1, .position = 1}}, 1);
  sink_.throw_at = 1;
  const Status failed = Run();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kInternal);
}

TEST_F(FollowTest, AFailureToConfirmEndsIt) {
  Make({{.changes = 1, .position = 1}}, 1);
  source_->fail_confirm = true;
  EXPECT_FALSE(Run().ok());
}

TEST_F(FollowTest, AFailureOfTheSourceLetsTheSinkFinish) {
  Make({{.changes = 1, .position = 1, .state = State::kMustTake},
        {.changes = 1,
         .position = 2,
         .before = [&]() -> Status {
           journal_.WaitFor("begin 1 to 1");
           return Error(ErrorKind::kTransient, "the connection is gone");
         }}},
       9);
  const Status failed = Run();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kTransient);
  EXPECT_THAT(journal_.lines(),
              ElementsAre("take 1", "begin 1 to 1", "applied 1 to 1", "confirm 1"));
}

TEST_F(FollowTest, StopEndsAnIdleSource) {
  Make({{.changes = 1, .position = 1}}, 1);
  source_->on_idle = [&, idle = 0]() mutable -> Status {
    if (++idle == 5) stop_.request_stop();
    return Done{};
  };
  const Status stopped = Run(false);
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().kind(), ErrorKind::kCancelled);
  EXPECT_THAT(Lines("confirm"), Contains("confirm 1"));
}

TEST_F(FollowTest, StopWhileTheSinkWorksFinishesItsSet) {
  Make({{.changes = 1, .position = 1, .state = State::kMustTake},
        {.changes = 1, .position = 2, .state = State::kMustTake},
        {.changes = 1, .position = 3, .state = State::kMustTake}},
       9);
  sink_.during = [&] { stop_.request_stop(); };
  const Status stopped = Run(false);
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().kind(), ErrorKind::kCancelled);
  EXPECT_THAT(Lines("applied"), Contains("applied 1 to 1"));
  EXPECT_THAT(Lines("begin").size(), Lines("applied").size());
}

TEST_F(FollowTest, AnIdleSourcesPlaceIsStoredNowAndThen) {
  Make({{.changes = 0, .position = 5, .state = State::kIdle}}, 1'000);
  source_->on_idle = [&, idle = 0]() mutable -> Status {
    if (++idle == 40) stop_.request_stop();
    return Done{};
  };
  EXPECT_FALSE(Run(false).ok());
  // Once: it does not move any further.
  EXPECT_THAT(Lines("confirm"), ElementsAre("confirm 5"));
  EXPECT_EQ(told_, 0U);
}

TEST_F(FollowTest, APlaceReachedWithoutChangesIsToldBeforeItIsStored) {
  Make({{.changes = 0, .position = 5, .state = State::kIdle}}, 1'000);
  source_->on_idle = [&]() -> Status {
    EXPECT_EQ(told_place_, 5);
    EXPECT_THAT(Lines("confirm"), IsEmpty());
    stop_.request_stop();
    return Done{};
  };
  EXPECT_FALSE(Run(false).ok());
  EXPECT_EQ(told_place_, 5);
}

TEST_F(FollowTest, APlaceThatSomebodyWaitsForIsStoredSoon) {
  Make({{.changes = 0, .position = 3, .mark = true}}, 99);
  const auto began = clock_.Monotonic();
  source_->on_idle = [&]() -> Status {
    if (!Lines("confirm").empty()) stop_.request_stop();
    return Done{};
  };
  EXPECT_FALSE(Run(false).ok());
  EXPECT_THAT(Lines("confirm"), ElementsAre("confirm 3"));
  EXPECT_LT(clock_.Monotonic() - began, FollowOptions().store_every);
}

TEST_F(FollowTest, SmallTransactionsGoTogether) {
  std::deque<FakeSource::Step> steps;
  for (int i = 1; i <= 1'000; ++i) {
    steps.push_back({.changes = 1, .position = i, .before = [&] {
                       clock_.Advance(milliseconds(1));
                       return Done{};
                     }});
  }
  Make(std::move(steps), 1'000);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(told_, 1'000U);
  // Every 20 ms of a second, however quick the sink is.
  EXPECT_LE(Lines("take").size(), 52U);
}

}  // namespace
}  // namespace afluente::pipeline
