#include "orchestrator/state_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "base/test_folder.h"

namespace afluente::orchestrator {
namespace {

using testing::HasSubstr;

struct LockCase {
  std::string name;
  LockKind held;
  LockKind wanted;
  bool want;
};

std::ostream& operator<<(std::ostream& out, const LockCase& row) { return out << row.name; }

class StateLockTest : public testing::TestWithParam<LockCase> {
 protected:
  TestFolder folder_;
};

TEST_P(StateLockTest, OneWriterOrManyReaders) {
  auto held = StateLock::Take(folder_.path(), "run", GetParam().held);
  ASSERT_TRUE(held.ok());
  const auto second = StateLock::Take(folder_.path(), "query", GetParam().wanted);
  ASSERT_EQ(second.ok(), GetParam().want);
  if (second.ok()) return;
  EXPECT_EQ(second.error().kind(), ErrorKind::kTransient);
  EXPECT_THAT(second.error().message(),
              HasSubstr("held by afluente run (pid " + std::to_string(getpid()) + ")"));
}

INSTANTIATE_TEST_SUITE_P(
    Locks, StateLockTest,
    testing::Values(LockCase{"TwoWriters", LockKind::kExclusive, LockKind::kExclusive, false},
                    LockCase{"ReaderAfterWriter", LockKind::kExclusive, LockKind::kShared, false},
                    LockCase{"WriterAfterReader", LockKind::kShared, LockKind::kExclusive, false},
                    LockCase{"TwoReaders", LockKind::kShared, LockKind::kShared, true}),
    [](const auto& row) { return row.param.name; });

TEST(StateLockLifeTest, EndsWithItsOwner) {
  const TestFolder folder;
  {
    ASSERT_TRUE(StateLock::Take(folder.path(), "run").ok());
  }
  EXPECT_TRUE(StateLock::Take(folder.path(), "run").ok());
}

TEST(StateLockLifeTest, AWriterWaitsForReadersThatLeave) {
  const TestFolder folder;
  auto reader = std::make_optional(StateLock::Take(folder.path(), "query", LockKind::kShared));
  ASSERT_TRUE(reader->ok());
  Status taken = Error(ErrorKind::kInternal, "not yet");
  std::jthread writer([&] {
    const auto lock = StateLock::Take(folder.path(), "serve");
    taken = lock.ok() ? Status(Done{}) : Status(lock.error());
  });
  reader.reset();
  writer.join();
  EXPECT_TRUE(taken.ok()) << taken.error().message();
}

TEST(StateLockLifeTest, MovesWithItsOwner) {
  const TestFolder folder;
  std::optional<StateLock> kept;
  {
    auto taken = StateLock::Take(folder.path(), "run");
    ASSERT_TRUE(taken.ok());
    kept.emplace(std::move(taken).value());
  }
  EXPECT_FALSE(StateLock::Take(folder.path(), "run").ok());
  kept.reset();
  EXPECT_TRUE(StateLock::Take(folder.path(), "run").ok());
}

TEST(StateLockLifeTest, ALockThatADeadProcessLeftIsFree) {
  const TestFolder folder;
  folder.Write("lock", "afluente serve (pid 1)");
  EXPECT_TRUE(StateLock::Take(folder.path(), "run").ok());
}

TEST(StateLockLifeTest, MakesTheFolder) {
  const TestFolder folder;
  EXPECT_TRUE(StateLock::Take(folder.path() / "a" / "b", "run").ok());
}

TEST(StateLockLifeTest, AFileInTheFoldersPlaceIsRefused) {
  const TestFolder folder;
  folder.Write("state", "x");
  const auto failed = StateLock::Take(folder.path() / "state", "run");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kInvalidConfig);
  EXPECT_THAT(failed.error().message(), HasSubstr("state"));
}

TEST(PathsOfTest, StandBelowTheEstateOrWhereTheyAreToldTo) {
  estate::Estate estate;
  estate.folder = "/srv/estate";
  const auto paths = PathsOf(estate, "");
  ASSERT_TRUE(paths.ok());
  EXPECT_EQ(paths.value().root, "/srv/estate/.afluente");
  EXPECT_EQ(paths.value().warehouse, "/srv/estate/.afluente/warehouse");
  EXPECT_EQ(paths.value().lake, "/srv/estate/.afluente/lake");
  EXPECT_EQ(PathsOf(estate, "/var/state").value().run_store, "/var/state/runs.sqlite");
}

TEST(PathsOfTest, AbsolutePathsStayWhereTheyAre) {
  estate::Estate estate;
  estate.folder = "/srv/estate";
  estate.lake_url = "file:///data/lake";
  estate.warehouse.path = "/data/warehouse";
  const auto paths = PathsOf(estate, "");
  EXPECT_EQ(paths.value().lake, "/data/lake");
  EXPECT_EQ(paths.value().warehouse, "/data/warehouse");
}

TEST(PathsOfTest, ALakeInTheCloudIsNotForTheEmbeddedEngine) {
  estate::Estate estate;
  estate.lake_url = "gs://movva-datalake-raw";
  EXPECT_EQ(PathsOf(estate, "").error().kind(), ErrorKind::kInvalidConfig);
}

}  // namespace
}  // namespace afluente::orchestrator
