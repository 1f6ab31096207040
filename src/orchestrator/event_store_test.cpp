#include "orchestrator/event_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"

namespace afluente::orchestrator {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class EventStoreTest : public testing::Test {
 protected:
  EventStoreTest() { Reopen(); }
  void Reopen() {
    store_ = nullptr;
    auto opened = EventStore::Open(folder_.path() / "events.sqlite");
    EXPECT_TRUE(opened.ok());
    store_ = std::move(opened).value();
  }
  void Add(const std::string& integration, const std::set<EventKey>& keys) {
    EventStore::Batch batch;
    batch.keys[integration] = keys;
    EXPECT_TRUE(store_->Record(batch).ok());
  }
  EventStore::Pending Peek(const std::string& integration, int limit = 100) {
    auto peeked = store_->Peek(integration, limit);
    EXPECT_TRUE(peeked.ok());
    return std::move(peeked).value();
  }

  TestFolder folder_;
  std::unique_ptr<EventStore> store_;
};

TEST_F(EventStoreTest, AnEventIsThereUntilItIsForgotten) {
  Add("flows", {{"1", "a\"b"}, {"2", ""}});
  Reopen();
  const auto pending = Peek("flows");
  EXPECT_FALSE(pending.everything);
  EXPECT_THAT(pending.keys, ElementsAre(EventKey{"1", "a\"b"}, EventKey{"2", ""}));
  EXPECT_TRUE(store_->Forget("flows", pending.last).ok());
  EXPECT_EQ(Peek("flows").last, 0);
}

TEST_F(EventStoreTest, ManyOfOneKeyAreOneAndTheLimitTakesTheOldest) {
  Add("flows", {{"1"}});
  Add("flows", {{"2"}});
  Add("flows", {{"1"}});
  EXPECT_EQ(store_->Count("flows").value(), 2U);
  EXPECT_THAT(Peek("flows", 1).keys, ElementsAre(EventKey{"2"}));
}

TEST_F(EventStoreTest, WhatHappensAgainMeanwhileStays) {
  Add("flows", {{"1"}});
  const auto pending = Peek("flows");
  Add("flows", {{"1"}});
  EXPECT_TRUE(store_->Forget("flows", pending.last).ok());
  EXPECT_THAT(Peek("flows").keys, ElementsAre(EventKey{"1"}));
}

TEST_F(EventStoreTest, EverythingIncludesTheKeys) {
  Add("flows", {{"1"}});
  EventStore::Batch batch;
  batch.everything.insert("flows");
  batch.positions["flows"] = {"lsn", "{}"};
  EXPECT_TRUE(store_->Record(batch).ok());
  const auto pending = Peek("flows");
  EXPECT_TRUE(pending.everything);
  EXPECT_TRUE(store_->Forget("flows", pending.last).ok());
  EXPECT_EQ(store_->Count("flows").value(), 0U);
  EXPECT_EQ(store_->Positions().value().at("flows").kind, "lsn");
}

TEST_F(EventStoreTest, AMarkIsTakenOnceAndNotRemembered) {
  std::stop_source stop;
  store_->Mark("scores");
  EXPECT_TRUE(store_->WaitForPending("scores", stop.get_token()));
  EXPECT_TRUE(Peek("scores").everything);
  EXPECT_FALSE(Peek("scores").everything);
  store_->Mark("scores");
  Reopen();
  EXPECT_FALSE(Peek("scores").everything);
}

TEST_F(EventStoreTest, WhatIsWatchedNoMoreIsDropped) {
  Add("flows", {{"1"}});
  Add("other", {{"2"}});
  EXPECT_TRUE(store_->Unwatch("flows").ok());
  EXPECT_EQ(store_->Count("flows").value(), 0U);
  EXPECT_EQ(store_->Count("other").value(), 1U);
}

TEST_F(EventStoreTest, WaitingEndsWithAnEventOrAStop) {
  std::stop_source stop;
  Add("other", {{"1"}});
  Reopen();
  EXPECT_TRUE(store_->WaitForPending("other", stop.get_token()));
  stop.request_stop();
  EXPECT_FALSE(store_->WaitForPending("flows", stop.get_token()));
  EXPECT_THAT(Peek("flows").keys, IsEmpty());
}

}  // namespace
}  // namespace afluente::orchestrator
