#include "connectors/postgres/replication/transaction_spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"

namespace afluente::postgres {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TransactionSpoolTest : public testing::Test {
 protected:
  void Append(std::uint32_t xid, const std::string& message) {
    auto transaction = spool_.Open(xid);
    ASSERT_TRUE(transaction.ok()) << transaction.error().message();
    ASSERT_TRUE(transaction.value()->Append(message).ok());
  }

  static std::vector<std::string> Read(SpooledTransaction& transaction) {
    EXPECT_TRUE(transaction.Rewind().ok());
    std::vector<std::string> messages;
    while (true) {
      const auto next = transaction.Next();
      if (!next.ok()) return {"failed: " + next.error().message()};
      if (next.value().empty()) return messages;
      messages.emplace_back(next.value());
    }
  }

  TestFolder folder_;
  TransactionSpool spool_{folder_.path() / "spool"};
};

TEST_F(TransactionSpoolTest, GivesBackWhatWasWrittenInOrder) {
  Append(7, "first");
  Append(7, std::string("\0second\n", 8));
  Append(7, "x");
  const auto taken = spool_.Take(7);
  ASSERT_NE(taken, nullptr);
  EXPECT_THAT(Read(*taken), ElementsAre("first", std::string("\0second\n", 8), "x"));
  EXPECT_THAT(Read(*taken), ElementsAre("first", std::string("\0second\n", 8), "x"));
  EXPECT_EQ(taken->bytes(), 3 * sizeof(std::uint32_t) + 5 + 8 + 1);
}

TEST_F(TransactionSpoolTest, KeepsTransactionsApart) {
  Append(7, "seven");
  Append(8, "eight");
  Append(7, "seven again");
  EXPECT_EQ(spool_.size(), 2U);
  EXPECT_THAT(Read(*spool_.Take(7)), ElementsAre("seven", "seven again"));
  EXPECT_EQ(spool_.size(), 1U);
  EXPECT_EQ(spool_.Take(7), nullptr);
  EXPECT_THAT(Read(*spool_.Take(8)), ElementsAre("eight"));
}

TEST_F(TransactionSpoolTest, AnAbortedTransactionIsGone) {
  Append(7, "seven");
  Append(8, "eight");
  spool_.Abort(7, 7);
  EXPECT_EQ(spool_.Take(7), nullptr);
  EXPECT_NE(spool_.Take(8), nullptr);
}

TEST_F(TransactionSpoolTest, AnAbortedSubtransactionIsRemembered) {
  Append(7, "seven");
  spool_.Abort(7, 9);
  spool_.Abort(7, 11);
  const auto taken = spool_.Take(7);
  EXPECT_FALSE(taken->IsUndone(7));
  EXPECT_TRUE(taken->IsUndone(9));
  EXPECT_FALSE(taken->IsUndone(10));
  EXPECT_TRUE(taken->IsUndone(11));
}

TEST_F(TransactionSpoolTest, AnAbortOfWhatWasNeverSentIsNothing) {
  spool_.Abort(1, 1);
  spool_.Abort(1, 2);
  EXPECT_EQ(spool_.size(), 0U);
}

TEST_F(TransactionSpoolTest, LeavesNoFileBehind) {
  Append(7, std::string(1U << 20U, 'x'));
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() / "spool"));
  const auto taken = spool_.Take(7);
  EXPECT_THAT(Read(*taken), ElementsAre(std::string(1U << 20U, 'x')));
}

TEST_F(TransactionSpoolTest, LargeTransactionsComeBackWhole) {
  constexpr int kMessages = 50'000;
  for (int i = 0; i < kMessages; ++i) Append(7, "message " + std::to_string(i));
  const auto read = Read(*spool_.Take(7));
  ASSERT_EQ(read.size(), static_cast<std::size_t>(kMessages));
  EXPECT_EQ(read.back(), "message 49999");
}

TEST_F(TransactionSpoolTest, AFolderThatCannotBeMadeIsSaid) {
  folder_.Write("file", "");
  TransactionSpool spool(folder_.path() / "file" / "spool");
  const auto opened = spool.Open(7);
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message(), HasSubstr("spool of a large transaction"));
  EXPECT_THAT(opened.error().message(), HasSubstr("spool"));
}

}  // namespace
}  // namespace afluente::postgres
