#include "orchestrator/shadow/shadow_store.h"

#include <gmock/gmock.h>

#include "base/test_folder.h"
#include "orchestrator/run_store.h"

namespace afluente::orchestrator {
namespace {

using std::chrono::days;
using testing::SizeIs;

const std::chrono::local_days kToday = std::chrono::local_days(std::chrono::year(2026) / 11 / 26);

ShadowComparison Of(int days_ago, std::uint64_t differences, const std::string& error = "") {
  ShadowComparison comparison;
  comparison.integration = "new";
  comparison.day = TextOf(kToday - days(days_ago));
  comparison.old_rows = 10;
  comparison.differences = differences;
  comparison.error = error;
  return comparison;
}

TEST(ShadowDaysTest, EachOfTheLastDaysMustBeEqual) {
  EXPECT_EQ(WhyNotEqual({Of(0, 0), Of(1, 0)}, 2, kToday), "");
  EXPECT_EQ(WhyNotEqual({Of(1, 0), Of(2, 0)}, 2, kToday), "") << "today is not due yet";
  EXPECT_EQ(WhyNotEqual({Of(0, 0), Of(1, 3)}, 2, kToday), "2026-11-25: 3 of 10 rows differ");
  EXPECT_EQ(WhyNotEqual({Of(0, 0), Of(2, 0)}, 3, kToday), "2026-11-25: not compared");
  EXPECT_EQ(WhyNotEqual({Of(0, 0, "away"), Of(1, 0)}, 2, kToday), "2026-11-26: failed: away");
  EXPECT_EQ(WhyNotEqual({Of(2, 0), Of(3, 0)}, 1, kToday), "2026-11-25: not compared")
      << "what is older than yesterday says nothing";
  EXPECT_EQ(WhyNotEqual({}, 1, kToday), "2026-11-25: not compared");
}

TEST(ShadowDaysTest, ADayIsTheZones) {
  const WallTime late =
      std::chrono::sys_days(std::chrono::year(2026) / 11 / 26) + std::chrono::hours(1);
  EXPECT_EQ(TextOf(DayOf(late, "UTC").value()), "2026-11-26");
  EXPECT_EQ(TextOf(DayOf(late, "America/Sao_Paulo").value()), "2026-11-25");
  EXPECT_FALSE(DayOf(late, "Nowhere/City").ok());
}

TEST(ShadowStoreTest, TheLastComparisonOfADayCounts) {
  const TestFolder folder;
  const auto runs = RunStore::Open(folder.path() / "runs.sqlite");
  ShadowStore store(runs.value()->file());
  ShadowComparison comparison = Of(0, 3);
  for (const int differences : {3, 0, 1, 0}) {
    comparison.compared_at += std::chrono::hours(1);
    comparison.differences = static_cast<std::uint64_t>(differences);
    comparison.notes = "note";
    ASSERT_TRUE(store.Record(comparison).ok());
  }
  ASSERT_TRUE(store.Record(Of(1, 7)).ok());
  const auto found = store.Days("new", 5);
  ASSERT_THAT(found.value(), SizeIs(2));
  EXPECT_EQ(found.value()[0].differences, 0U);
  EXPECT_EQ(found.value()[0].compared_at, comparison.compared_at);
  EXPECT_EQ(found.value()[0].notes, "note");
  EXPECT_EQ(found.value()[1].differences, 7U);
  EXPECT_THAT(store.Days("other", 5).value(), SizeIs(0));
}

TEST(ShadowStoreTest, StatesStay) {
  const TestFolder folder;
  for (const ShadowState state : {ShadowState::kCuttingOver, ShadowState::kLive,
                                  ShadowState::kRollingBack, ShadowState::kShadow}) {
    const auto runs = RunStore::Open(folder.path() / "runs.sqlite");
    ASSERT_TRUE(ShadowStore(runs.value()->file()).Set("new", state, WallTime()).ok());
    const auto again = RunStore::Open(folder.path() / "runs.sqlite");
    EXPECT_EQ(ShadowStore(again.value()->file()).States().value().at("new"), state);
  }
}

}  // namespace
}  // namespace afluente::orchestrator
