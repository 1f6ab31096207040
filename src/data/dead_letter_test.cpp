#include "data/dead_letter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace afluente::data {
namespace {

TEST(DeadLettersTest, KeepsWhatWasAdded) {
  DeadLetters letters;
  ASSERT_TRUE(letters.Add({"id=1", "holds NaN"}).ok());
  ASSERT_TRUE(letters.Add({"", "not UTF-8"}).ok());
  const std::vector<DeadLetter> copy = letters.Copy();
  ASSERT_EQ(copy.size(), 2U);
  EXPECT_EQ(copy[0].key, "id=1");
  EXPECT_EQ(copy[1].reason, "not UTF-8");
}

TEST(DeadLettersTest, RefusesOneTooManyWithItsReason) {
  DeadLetters letters;
  for (std::size_t i = 0; i < DeadLetters::kMax; ++i) {
    ASSERT_TRUE(letters.Add({"", "bad"}).ok());
  }
  const Status refused = letters.Add({"id=7", "the last straw"});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::kConversion);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("the last straw"));
  EXPECT_EQ(letters.Copy().size(), DeadLetters::kMax);
}

TEST(DeadLettersTest, LanesAddSideBySide) {
  DeadLetters letters;
  {
    std::vector<std::jthread> lanes;
    for (int lane = 0; lane < 4; ++lane) {
      lanes.emplace_back([&] {
        for (int i = 0; i < 500; ++i) EXPECT_TRUE(letters.Add({"", "bad"}).ok());
      });
    }
  }
  EXPECT_EQ(letters.Copy().size(), 2000U);
}

}  // namespace
}  // namespace afluente::data
