#include "orchestrator/tasks/prune_attempts.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "base/test_folder.h"

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using testing::ElementsAre;

class PruneAttemptsTest : public testing::Test {
 protected:
  /// What a run of `job` left, `age` ago: so many KB.
  void Run(const std::string& job, hours age, int kilobytes = 4) const {
    const fs::path attempt = folder_.path() / (job + "@1_manual") / "t.1";
    fs::create_directories(attempt);
    std::ofstream(attempt / "output")
        << std::string(static_cast<std::size_t>(kilobytes) * 1024, 'x');
    const auto at = fs::file_time_type::clock::now() - age;
    for (const fs::path& path : {attempt / "output", attempt, attempt.parent_path()}) {
      fs::last_write_time(path, at);
    }
  }

  std::vector<std::string> Left() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      const std::string name = entry.path().filename().string();
      names.push_back(name.substr(0, name.find('@')));
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  Pruned Prune(const AttemptLimits& limits, const std::set<std::string>& keep = {}) const {
    return PruneAttempts(folder_.path(), keep, SystemClock().Now(), limits);
  }

  TestFolder folder_;
};

TEST_F(PruneAttemptsTest, WhatIsOldGoes) {
  Run("a", hours(100));
  Run("b", hours(10));
  EXPECT_EQ(Prune({hours(50)}).runs, 1U);
  EXPECT_THAT(Left(), ElementsAre("b"));
  EXPECT_EQ(Prune({hours(50)}).runs, 0U);
}

TEST_F(PruneAttemptsTest, TheOldestGoUntilTheRestIsFewEnough) {
  for (const int age : {3, 1, 2}) Run(std::string(1, static_cast<char>('a' + age)), hours(age));
  AttemptLimits limits;
  limits.runs = 2;
  EXPECT_EQ(Prune(limits).runs, 1U);
  EXPECT_THAT(Left(), ElementsAre("b", "c"));
}

TEST_F(PruneAttemptsTest, TheOldestGoUntilTheRestIsSmallEnough) {
  Run("a", hours(3), 400);
  Run("b", hours(2), 400);
  Run("c", hours(1), 400);
  AttemptLimits limits;
  limits.bytes = 1'000'000;
  const Pruned pruned = Prune(limits);
  EXPECT_EQ(pruned.runs, 1U);
  EXPECT_GE(pruned.bytes, 400U * 1024);
  EXPECT_THAT(Left(), ElementsAre("b", "c"));
}

TEST_F(PruneAttemptsTest, WhatHasNotEndedStays) {
  Run("a", hours(100));
  Run("b", hours(100));
  AttemptLimits limits;
  limits.runs = 0;
  EXPECT_EQ(Prune(limits, {"a@1/manual"}).runs, 1U);
  EXPECT_THAT(Left(), ElementsAre("a"));
}

TEST_F(PruneAttemptsTest, WithoutAFolderThereIsNothingToDo) {
  EXPECT_EQ(PruneAttempts(folder_.path() / "none", {}, SystemClock().Now()).runs, 0U);
}

}  // namespace
}  // namespace afluente::orchestrator
