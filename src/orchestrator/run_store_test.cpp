#include "orchestrator/run_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "base/test_folder.h"

namespace afluente::orchestrator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

RunRecord Started(const std::string& job, const std::string& at) {
  RunRecord run;
  run.id = job + "@" + at + "/manual";
  run.job = job;
  run.mode = "snapshot";
  run.started_at = at;
  return run;
}

class RunStoreTest : public testing::Test {
 protected:
  std::unique_ptr<RunStore> Open() {
    auto store = RunStore::Open(file_);
    EXPECT_TRUE(store.ok());
    return std::move(store).value();
  }

  void Sql(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }

  TestFolder folder_;
  std::filesystem::path file_ = folder_.path() / "runs.sqlite";
};

TEST_F(RunStoreTest, ARunComesBackAsItWas) {
  RunRecord run = Started("messages", "2026-11-23T10:00:00.000000+00:00");
  ASSERT_TRUE(Open()->Insert(run).ok());
  run.state = RunState::kFailed;
  run.ended_at = "2026-11-23T10:00:02.000000+00:00";
  run.rows = 3'000'000'000;
  run.bytes = std::uint64_t{1} << 62U;
  run.seconds = 2.25;
  run.error_kind = "transient";
  run.error = "it's \"down\": São Paulo";
  ASSERT_TRUE(Open()->Finish(run).ok());
  const auto history = Open()->History("messages", 10);
  ASSERT_TRUE(history.ok());
  ASSERT_THAT(history.value(), SizeIs(1));
  const RunRecord& read = history.value().front();
  EXPECT_EQ(read.id, run.id);
  EXPECT_EQ(read.mode, "snapshot");
  EXPECT_EQ(read.state, RunState::kFailed);
  EXPECT_EQ(read.started_at, run.started_at);
  EXPECT_EQ(read.ended_at, run.ended_at);
  EXPECT_EQ(read.rows, run.rows);
  EXPECT_EQ(read.bytes, run.bytes);
  EXPECT_DOUBLE_EQ(read.seconds, 2.25);
  EXPECT_EQ(read.error_kind, "transient");
  EXPECT_EQ(read.error, run.error);
}

TEST_F(RunStoreTest, ARunEndsOnce) {
  const auto store = Open();
  RunRecord run = Started("messages", "1");
  ASSERT_TRUE(store->Insert(run).ok());
  run.state = RunState::kSucceeded;
  ASSERT_TRUE(store->Finish(run).ok());
  run.state = RunState::kFailed;
  const Status again = store->Finish(run);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().kind(), ErrorKind::kInternal);
  EXPECT_EQ(store->Latest().value().front().state, RunState::kSucceeded);
}

TEST_F(RunStoreTest, ARunThatNobodyStartedDoesNotEnd) {
  EXPECT_FALSE(Open()->Finish(Started("messages", "1")).ok());
}

TEST_F(RunStoreTest, AnIdStandsOnce) {
  const auto store = Open();
  ASSERT_TRUE(store->Insert(Started("messages", "1")).ok());
  EXPECT_FALSE(store->Insert(Started("messages", "1")).ok());
}

TEST_F(RunStoreTest, AbandonedRunsFailAndOthersStay) {
  RunRecord done = Started("contacts", "1");
  const auto store = Open();
  ASSERT_TRUE(store->Insert(done).ok());
  done.state = RunState::kSucceeded;
  ASSERT_TRUE(store->Finish(done).ok());
  ASSERT_TRUE(store->Insert(Started("messages", "2")).ok());
  ASSERT_TRUE(store->FailAbandoned("3").ok());
  const auto latest = store->Latest();
  ASSERT_THAT(latest.value(), SizeIs(2));
  EXPECT_EQ(latest.value()[0].state, RunState::kSucceeded);
  EXPECT_EQ(latest.value()[1].state, RunState::kFailed);
  EXPECT_EQ(latest.value()[1].ended_at, "3");
  EXPECT_EQ(latest.value()[1].error_kind, "internal");
  EXPECT_THAT(latest.value()[1].error, HasSubstr("ended without a word"));
}

TEST_F(RunStoreTest, LatestIsOneAJobAndHistoryIsNewestFirst) {
  const auto store = Open();
  for (const std::string at : {"2026-01-01", "2026-03-01", "2026-02-01"}) {
    ASSERT_TRUE(store->Insert(Started("messages", at)).ok());
  }
  ASSERT_TRUE(store->Insert(Started("contacts", "2026-01-15")).ok());
  std::vector<std::string> latest;
  const auto newest = store->Latest();
  for (const RunRecord& run : newest.value()) latest.push_back(run.id);
  EXPECT_THAT(latest, ElementsAre("contacts@2026-01-15/manual", "messages@2026-03-01/manual"));
  std::vector<std::string> history;
  const auto last_two = store->History("messages", 2);
  for (const RunRecord& run : last_two.value()) history.push_back(run.started_at);
  EXPECT_THAT(history, ElementsAre("2026-03-01", "2026-02-01"));
  EXPECT_THAT(store->History("nobody", 5).value(), SizeIs(0));
}

TEST_F(RunStoreTest, ANewerVersionIsRefusedAndStays) {
  (void)Open();
  Sql("PRAGMA user_version = 99");
  const auto failed = RunStore::Open(file_);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kSchemaMismatch);
  EXPECT_THAT(failed.error().message(), HasSubstr("version 99"));
}

TEST_F(RunStoreTest, AFileOfTheVersionWithoutEnginesIsUpgradedOnce) {
  Sql("CREATE TABLE runs (id TEXT PRIMARY KEY, job TEXT NOT NULL, mode TEXT NOT NULL, state TEXT "
      "NOT NULL, started_at TEXT NOT NULL, ended_at TEXT NOT NULL DEFAULT '', rows INTEGER NOT "
      "NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0, "
      "error_kind TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '') STRICT;"
      "INSERT INTO runs(id, job, mode, state, started_at) VALUES ('messages@1/manual', "
      "'messages', 'snapshot', 'succeeded', '1'); PRAGMA user_version = 2");
  RunRecord model = Started("user-metrics", "2");
  model.engine = "duckdb";
  ASSERT_TRUE(Open()->Insert(model).ok());
  const auto latest = Open()->Latest();
  ASSERT_THAT(latest.value(), SizeIs(2));
  EXPECT_EQ(latest.value()[0].engine, "");
  EXPECT_EQ(latest.value()[1].engine, "duckdb");
}

TEST_F(RunStoreTest, AFileThatIsNoDatabaseIsRefused) {
  folder_.Write("runs.sqlite", std::string(4096, 'x'));
  const auto failed = RunStore::Open(file_);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kInternal);
  EXPECT_EQ(folder_.Read("runs.sqlite"), std::string(4096, 'x'));
}

TEST_F(RunStoreTest, AFolderThatIsNotThereIsRefused) {
  EXPECT_FALSE(RunStore::Open(folder_.path() / "none" / "runs.sqlite").ok());
}

TEST_F(RunStoreTest, AStateThatNobodyKnowsCountsAsFailed) {
  ASSERT_TRUE(Open()->Insert(Started("messages", "1")).ok());
  Sql("UPDATE runs SET state = 'paused'");
  EXPECT_EQ(Open()->Latest().value().front().state, RunState::kFailed);
}

TEST_F(RunStoreTest, TheLastVerificationOfEachIntegrationIsKept) {
  const WallTime at(std::chrono::microseconds(1'700'000'000'123'456));
  {
    const auto store = Open();
    ASSERT_TRUE(store->Record({"b", at, 10, 3, 3, ""}).ok());
    ASSERT_TRUE(store->Record({"a", at, 0, 0, 0, "cannot be reached"}).ok());
    ASSERT_TRUE(store->Record({"b", at + std::chrono::hours(1), 11, 0, 0, ""}).ok());
  }
  const auto kept = Open()->Verifications();
  ASSERT_TRUE(kept.ok());
  ASSERT_THAT(kept.value(), SizeIs(2));
  EXPECT_EQ(kept.value()[0].error, "cannot be reached");
  EXPECT_EQ(kept.value()[1].integration, "b");
  EXPECT_EQ(kept.value()[1].verified_at, at + std::chrono::hours(1));
  EXPECT_EQ(kept.value()[1].rows, 11U);
  EXPECT_EQ(kept.value()[1].differences, 0U);
}

}  // namespace
}  // namespace afluente::orchestrator
