#include "orchestrator/tasks/exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"

namespace afluente::orchestrator {
namespace {

using testing::HasSubstr;

constexpr const char* kRun = "dag@2026-01-05T00:00:00.000000+00:00/schedule";

class ExchangeTest : public testing::Test {
 protected:
  void Leave(const std::string& task, int attempt, const std::string& file) {
    const auto folder = exchange_.Make({kRun, task, attempt});
    ASSERT_TRUE(folder.ok());
    std::ofstream(folder.value() / file) << "text";
  }

  TestFolder lake_;
  Exchange exchange_{lake_.path()};
};

TEST_F(ExchangeTest, TheLastAttemptCountsByItsNumber) {
  EXPECT_FALSE(exchange_.Last(kRun, "fit"));
  Leave("fit", 9, "old");
  Leave("fit", 10, "new");
  Leave("fit.more", 11, "other");  // Of another task.
  ASSERT_TRUE(exchange_.Last(kRun, "fit"));
  EXPECT_EQ(exchange_.Last(kRun, "fit")->attempt, 10);
  EXPECT_TRUE(exchange_.Find(kRun, "fit", "new").ok());
  const auto old = exchange_.Find(kRun, "fit", "old");
  ASSERT_FALSE(old.ok());
  EXPECT_THAT(old.error().message(), HasSubstr("task fit has left no old: clear it"));
  EXPECT_FALSE(exchange_.Last("another run", "fit"));
}

TEST_F(ExchangeTest, WhatIsEmptiedIsStillTheLastAttempt) {
  Leave("fit", 2, "file");
  exchange_.Empty({{kRun, "fit", 2}});
  EXPECT_EQ(exchange_.Last(kRun, "fit")->attempt, 2);
  EXPECT_FALSE(exchange_.Find(kRun, "fit", "file").ok());
}

TEST_F(ExchangeTest, AnAttemptBeginsWithNothingAndOldRunsGo) {
  const WallTime now = SystemClock().Now();
  Leave("rows", 1, "half");
  const auto folder = exchange_.Begin({kRun, "rows", 1}, now);
  ASSERT_TRUE(folder.ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder.value()));
  ASSERT_TRUE(exchange_.Begin({"later", "rows", 1}, now + std::chrono::hours(24 * 6)).ok());
  EXPECT_TRUE(std::filesystem::exists(folder.value()));
  ASSERT_TRUE(exchange_.Begin({"latest", "rows", 1}, now + std::chrono::hours(24 * 8)).ok());
  EXPECT_FALSE(std::filesystem::exists(folder.value()));
}

}  // namespace
}  // namespace afluente::orchestrator
