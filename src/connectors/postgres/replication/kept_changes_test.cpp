#include "connectors/postgres/replication/kept_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <vector>

#include "base/test_folder.h"

namespace afluente::postgres {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kPlenty = 1 << 20;

class KeptChangesTest : public testing::Test {
 protected:
  std::unique_ptr<KeptChanges> Open(std::uint64_t stream, std::uint64_t bytes_max = kPlenty) {
    auto kept = KeptChanges::Open(folder_.path(), "t", Lsn{stream}, bytes_max);
    EXPECT_TRUE(kept.ok()) << kept.error().message();
    return std::move(kept).value();
  }
  static void Append(KeptChanges& kept, std::uint64_t commit, const std::string& payload) {
    ASSERT_TRUE(kept.Append(payload, false, {Lsn{commit}, 7, 1}).ok());
  }
  static void Keep(KeptChanges& kept, std::uint64_t until) {
    kept.Mark(Lsn{until});
    ASSERT_TRUE(kept.Keep().ok());
  }
  std::vector<std::string> Read() {
    std::vector<std::string> payloads;
    auto reader = KeptReader::Open(folder_.path(), "t");
    if (!reader.ok()) return {"(none)"};
    while (true) {
      auto next = reader.value()->Next();
      if (!next.ok()) return {next.error().message()};
      if (!next.value()) return payloads;
      payloads.emplace_back(next.value()->payload);
    }
  }
  std::filesystem::path File() const { return folder_.path() / "t.kept"; }

  TestFolder folder_;
};

TEST_F(KeptChangesTest, WhatWasKeptIsReadInItsOrder) {
  const auto kept = Open(100);
  ASSERT_TRUE(kept->Append("first", true, {Lsn{110}, 5, 3}).ok());
  Append(*kept, 120, "");
  Append(*kept, 120, std::string(600'000, 'x'));
  Keep(*kept, 130);
  const auto range = KeptChanges::Look(folder_.path(), "t");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->from, Lsn{100});
  EXPECT_EQ(range->until, Lsn{130});
  EXPECT_THAT(Read(), ElementsAre("first", "", std::string(600'000, 'x')));
  auto reader = KeptReader::Open(folder_.path(), "t");
  const auto first = reader.value()->Next();
  EXPECT_TRUE(first.value()->in_stream);
  EXPECT_EQ(first.value()->moment.commit, Lsn{110});
  EXPECT_EQ(first.value()->moment.time, 5);
  EXPECT_EQ(first.value()->moment.ordinal, 3);
}

TEST_F(KeptChangesTest, WhatWasNotMarkedDoesNotCountAndComesAgain) {
  {
    const auto kept = Open(100);
    Append(*kept, 110, "a");
    kept->Mark(Lsn{120});
    Append(*kept, 130, "part of");
    ASSERT_TRUE(kept->Keep().ok());
    Append(*kept, 130, "a transaction");
  }
  EXPECT_THAT(Read(), ElementsAre("a"));
  const auto again = Open(100);
  Append(*again, 110, "a");
  Append(*again, 130, "b");
  Keep(*again, 140);
  EXPECT_THAT(Read(), ElementsAre("a", "b"));
}

TEST_F(KeptChangesTest, AGapBeginsAnew) {
  Keep(*Open(100), 120);
  {
    const auto kept = Open(121);
    Append(*kept, 130, "b");
    Keep(*kept, 140);
  }
  EXPECT_EQ(KeptChanges::Look(folder_.path(), "t")->from, Lsn{121});
  EXPECT_THAT(Read(), ElementsAre("b"));
  Keep(*Open(99), 120);
  EXPECT_EQ(KeptChanges::Look(folder_.path(), "t")->from, Lsn{99});
  EXPECT_THAT(Read(), IsEmpty());
}

TEST_F(KeptChangesTest, TooMuchIsDropped) {
  const auto kept = Open(100, 1'000);
  Append(*kept, 110, std::string(900, 'x'));
  EXPECT_FALSE(kept->overflowed());
  Append(*kept, 110, std::string(200, 'x'));
  EXPECT_TRUE(kept->overflowed());
  Append(*kept, 120, "y");
  Keep(*kept, 130);
  EXPECT_FALSE(KeptChanges::Look(folder_.path(), "t"));
  EXPECT_THAT(Read(), ElementsAre("(none)"));
}

TEST_F(KeptChangesTest, DroppedIsGone) {
  Keep(*Open(100), 120);
  KeptChanges::Drop(folder_.path(), "t");
  EXPECT_FALSE(KeptChanges::Look(folder_.path(), "t"));
  KeptChanges::Drop(folder_.path(), "t");
}

TEST_F(KeptChangesTest, AFileThatIsNoneIsNotTakenForOne) {
  std::ofstream(File()) << "something else that is long enough for a header";
  EXPECT_FALSE(KeptChanges::Look(folder_.path(), "t"));
  EXPECT_EQ(KeptReader::Open(folder_.path(), "t").error().kind(), ErrorKind::kInternal);
  Keep(*Open(100), 120);
  EXPECT_TRUE(KeptChanges::Look(folder_.path(), "t"));
}

TEST_F(KeptChangesTest, AFileThatWasCutIsToldAndReadsNothingOutsideItself) {
  {
    const auto kept = Open(100);
    Append(*kept, 110, "a");
    Append(*kept, 110, "bcdefgh");
    Keep(*kept, 120);
  }
  const auto whole = std::filesystem::file_size(File());
  for (auto size = whole - 1; size >= 32; --size) {
    std::filesystem::resize_file(File(), size);
    EXPECT_THAT(Read(), ElementsAre(testing::HasSubstr("ends too early"))) << size;
  }
}

TEST(KeptRange, Bridges) {
  const KeptRange range{Lsn{100}, Lsn{200}, 0};
  EXPECT_TRUE(range.Bridges(Lsn{100}, Lsn{200}));
  EXPECT_TRUE(range.Bridges(Lsn{200}, Lsn{150}));
  EXPECT_FALSE(range.Bridges(Lsn{99}, Lsn{200})) << "changes before it are missing";
  EXPECT_FALSE(range.Bridges(Lsn{100}, Lsn{201})) << "changes behind it are missing";
  EXPECT_FALSE(range.Bridges(Lsn{201}, Lsn{200})) << "it ends before that";
}

}  // namespace
}  // namespace afluente::postgres
