#include "orchestrator/inbox/inbox.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/test_folder.h"

namespace afluente::orchestrator {
namespace {

using testing::ElementsAre;
enum class Taken : std::uint8_t { kStored, kDuplicate };

class SetClock final : public Clock {
 public:
  WallTime Now() const override { return WallTime(now_); }
  std::chrono::nanoseconds Monotonic() const override { return now_; }
  void Pass(std::chrono::microseconds time) { now_ += time; }

 private:
  std::chrono::microseconds now_{std::chrono::hours(24 * 365 * 50)};
};

class InboxTest : public testing::Test {
 protected:
  InboxTest() {
    estate_.integrations["one"] = Reads("one");
    estate_.integrations["two"] = Reads("two");
    estate_.integrations["flows"].name = "flows";
    estate_.integrations["flows"].mode = estate::Mode::kEvent;
    estate_.integrations["flows"].trigger.kind = estate::Trigger::Kind::kWebhook;
    estate_.integrations["flows"].trigger.subject = "/hooks/flows";
    Reopen();
  }
  static estate::Integration Reads(const std::string& name) {
    estate::Integration integration;
    integration.name = name;
    integration.mode = estate::Mode::kStream;
    integration.source.topic = "t";
    return integration;
  }
  void Reopen() {
    inbox_ = nullptr;
    events_ = nullptr;
    events_ = EventStore::Open(folder_.path() / "events.sqlite").value();
    inbox_ = Inbox::Open(*events_, estate_, clock_).value();
    endpoints_ = EndpointsOf(estate_);
  }
  Arrival Message(const std::string& id, const std::string& body = "1") const {
    Arrival arrival;
    arrival.endpoint = &endpoints_.at("/topics/t");
    arrival.id = id;
    arrival.attributes = "{}";
    arrival.body = body;
    return arrival;
  }
  Result<Taken> Take(const Arrival& arrival) {
    AFL_ASSIGN(const auto receipts, inbox_->Take({&arrival, 1}));
    return receipts.at(0).is_new ? Taken::kStored : Taken::kDuplicate;
  }
  Result<Taken> Take(const std::string& id, const std::string& body = "1") {
    return Take(Message(id, body));
  }
  std::vector<std::string> Ids(std::int64_t seq = 0) {
    const auto extent = inbox_->ExtentAfter("topic t", seq, 1000).value();
    std::vector<std::string> ids;
    for (const auto& message : inbox_->Page("topic t", seq, extent.last).value()) {
      ids.push_back(message.id);
    }
    return ids;
  }
  std::int64_t Last() { return inbox_->ExtentAfter("topic t", 0, 1000).value().last; }

  TestFolder folder_;
  SetClock clock_;
  estate::Estate estate_;
  std::map<std::string, InboxEndpoint> endpoints_;
  std::unique_ptr<EventStore> events_;
  std::unique_ptr<Inbox> inbox_;
};

TEST_F(InboxTest, AMessageIsThereUntilEveryReaderHasIt) {
  EXPECT_EQ(Take("a").value(), Taken::kStored);
  EXPECT_EQ(Take("b").value(), Taken::kStored);
  Reopen();
  EXPECT_THAT(Ids(), ElementsAre("a", "b"));
  EXPECT_EQ(events_->Count("one").value(), 1U);
  const std::int64_t last = Last();
  ASSERT_TRUE(inbox_->Arrived(estate_.integrations["one"], last).ok());
  EXPECT_EQ(inbox_->Pending(estate_.integrations["one"]).value(), 0U);
  EXPECT_EQ(inbox_->Pending(estate_.integrations["two"]).value(), 2U);
  EXPECT_THAT(Ids(), ElementsAre("a", "b"));
  ASSERT_TRUE(inbox_->Arrived(estate_.integrations["two"], last).ok());
  EXPECT_THAT(Ids(), ElementsAre());
  EXPECT_EQ(inbox_->pending_bytes(), 0U);
}

TEST_F(InboxTest, AnIdIsTakenOnceEvenWhenItsMessageIsGone) {
  EXPECT_EQ(Take("a").value(), Taken::kStored);
  EXPECT_EQ(Take("a", "2").value(), Taken::kDuplicate);
  for (const char* name : {"one", "two"}) {
    ASSERT_TRUE(inbox_->Arrived(estate_.integrations[name], Last()).ok());
  }
  Reopen();
  clock_.Pass(std::chrono::hours(24 * 6));
  EXPECT_EQ(Take("a").value(), Taken::kDuplicate);
  EXPECT_THAT(Ids(), ElementsAre());
  clock_.Pass(std::chrono::hours(25));
  EXPECT_EQ(Take("other").value(), Taken::kStored);
  EXPECT_EQ(Take("a").value(), Taken::kStored);
  EXPECT_THAT(Ids(), ElementsAre("other", "a"));
}

TEST_F(InboxTest, AnIdIsRememberedAsLongAsItsMessageWaits) {
  EXPECT_EQ(Take("a").value(), Taken::kStored);
  clock_.Pass(std::chrono::hours(24 * 30));
  EXPECT_EQ(Take("a").value(), Taken::kDuplicate);
}

TEST_F(InboxTest, NumbersGoOnWhenEverythingIsGone) {
  EXPECT_EQ(Take("a").value(), Taken::kStored);
  const std::int64_t first = Last();
  for (const char* name : {"one", "two"}) {
    ASSERT_TRUE(inbox_->Arrived(estate_.integrations[name], first).ok());
  }
  clock_.Pass(std::chrono::hours(24 * 30));
  Reopen();
  EXPECT_EQ(Take("b").value(), Taken::kStored);
  EXPECT_GT(Last(), first);
}

TEST_F(InboxTest, TooMuchIsRefusedAndMayComeAgain) {
  estate_.inbox.max_pending = 100;
  const std::string body(60, '1');
  EXPECT_EQ(Take("a", body).value(), Taken::kStored);
  const auto refused = Take("b", body);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::kTransient);
  EXPECT_EQ(Take("a", body).value(), Taken::kDuplicate);
  for (const char* name : {"one", "two"}) {
    ASSERT_TRUE(inbox_->Arrived(estate_.integrations[name], Last()).ok());
  }
  EXPECT_EQ(Take("b", body).value(), Taken::kStored);
}

TEST_F(InboxTest, ManyAtOnceAreTakenOnceEach) {
  constexpr int kThreads = 16;
  constexpr int kEach = 50;
  std::atomic<int> stored{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        // Neighbours send the same ones.
        for (int i = 0; i < kEach; ++i) {
          const auto taken = Take(fmt::format("{}-{}", thread / 2, i));
          if (taken.ok() && taken.value() == Taken::kStored) ++stored;
        }
      });
    }
  }
  EXPECT_EQ(stored, kThreads / 2 * kEach);
  EXPECT_EQ(inbox_->Pending(estate_.integrations["one"]).value(), kThreads / 2 * kEach);
}

TEST_F(InboxTest, ABatchIsTakenAsAWholeOrNotAtAll) {
  estate_.inbox.max_pending = 30;
  Reopen();
  const std::vector<Arrival> batch = {Message("a"), Message("b"), Message("a")};
  const auto receipts = inbox_->Take(batch).value();
  ASSERT_EQ(receipts.size(), 3U);
  EXPECT_TRUE(receipts[0].is_new && receipts[1].is_new && !receipts[2].is_new);
  EXPECT_EQ(receipts[2].seq, receipts[0].seq);
  const std::vector<Arrival> too_much = {Message("c"), Message("d", std::string(30, '1'))};
  EXPECT_EQ(inbox_->pending_bytes(), 6U);
  EXPECT_FALSE(inbox_->Take(too_much).ok());
  EXPECT_THAT(Ids(), ElementsAre("a", "b"));
  EXPECT_EQ(inbox_->pending_bytes(), 6U);
  EXPECT_EQ(Take("c").value(), Taken::kStored);
}

TEST_F(InboxTest, AFaultStaysWithItsMessage) {
  Arrival broken = Message("a", "{");
  broken.fault = "it is not JSON";
  EXPECT_EQ(Take(broken).value(), Taken::kStored);
  EXPECT_EQ(Take("b").value(), Taken::kStored);
  Reopen();
  const auto page = inbox_->Page("topic t", 0, Last()).value();
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].fault, "it is not JSON");
  EXPECT_EQ(page[1].fault, "");
}

TEST_F(InboxTest, WhatEveryReaderHasIsKnown) {
  const auto arrived = [&] {
    return inbox_->WaitForArrival("topic t", 0, std::chrono::milliseconds(0), {});
  };
  ASSERT_TRUE(Take("a").ok());
  const std::int64_t first = Last();
  EXPECT_EQ(arrived(), 0);
  ASSERT_TRUE(inbox_->Arrived(estate_.integrations["one"], first).ok());
  EXPECT_EQ(arrived(), 0);
  std::jthread other([&] { (void)inbox_->Arrived(estate_.integrations["two"], first); });
  EXPECT_EQ(inbox_->WaitForArrival("topic t", 0, std::chrono::minutes(1), {}), first);
  other.join();
  Reopen();
  EXPECT_EQ(arrived(), first);
  EXPECT_GT(inbox_->WaitForArrival("webhook /hooks/flows", first, std::chrono::milliseconds(0), {}),
            first);
}

TEST_F(InboxTest, ATriggerGetsItsKeysAndNoMessageIsKept) {
  Arrival arrival;
  arrival.endpoint = &endpoints_.at("/hooks/flows");
  arrival.id = "a";
  arrival.body = arrival.attributes = "{}";
  arrival.keys["flows"] = {"7"};
  EXPECT_EQ(Take(arrival).value(), Taken::kStored);
  EXPECT_EQ(Take(arrival).value(), Taken::kDuplicate);
  Reopen();
  const auto pending = events_->Peek("flows", 10).value();
  EXPECT_FALSE(pending.everything);
  EXPECT_THAT(pending.keys, ElementsAre(EventKey{"7"}));
  EXPECT_EQ(inbox_->pending_bytes(), 0U);
}

TEST_F(InboxTest, PagesAreBoundedAndInOrder) {
  const std::string large(3'000'000, '1');
  for (const char* id : {"a", "b", "c", "d"}) EXPECT_EQ(Take(id, large).value(), Taken::kStored);
  const std::int64_t last = Last();
  std::vector<std::string> ids;
  for (std::int64_t seq = 0; seq < last;) {
    const auto page = inbox_->Page("topic t", seq, last).value();
    ASSERT_FALSE(page.empty());
    EXPECT_LT(page.size(), 4U);
    for (const auto& message : page) ids.push_back(message.id);
    seq = page.back().seq;
  }
  EXPECT_THAT(ids, ElementsAre("a", "b", "c", "d"));
}

TEST_F(InboxTest, WhatNobodyReadsAnyMoreGoes) {
  EXPECT_EQ(Take("a").value(), Taken::kStored);
  ASSERT_TRUE(inbox_->Arrived(estate_.integrations["one"], Last()).ok());
  estate_.integrations.erase("two");
  Reopen();
  EXPECT_THAT(Ids(), ElementsAre());
}

}  // namespace
}  // namespace afluente::orchestrator
