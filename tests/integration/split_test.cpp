// A table cut into shards, a process each, gathered in the lake.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "connectors/objectstore/manifest.h"
#include "integration/learning_fixture.h"

namespace afluente::test {
namespace {

using orchestrator::TaskPiece;
using testing::ElementsAre;
using testing::HasSubstr;

class SplitTest : public LearningTest {
 protected:
  SplitTest() {
    split_.table = {"analytics", "d", "contacts"};
    split_.key = {"id"};
    split_.into = {"movva-splitter", "results", "arms"};
    Sql("CREATE SCHEMA analytics.d; CREATE TABLE analytics.d.contacts AS SELECT i AS id, "
        "'school ' || i % 7 AS school, CASE WHEN i % 11 > 0 THEN i % 3 END AS grade FROM "
        "range(1000) AS t(i)");
  }

  void Assigned() {
    split_.assign =
        estate::Assignment{"reading-2026", {{"control", 1}, {"nudge", 2}}, {"school", "grade"}};
  }
  std::vector<TaskPiece> Pieces() { return orchestrator::SplitPieces(task_, split_, Context()); }

  /// A worker of the shell's: `script` has $AFLUENTE_INPUT and the others.
  void Shell(const std::string& script) { split_.command = {"sh", "-c", script}; }

  std::filesystem::path Result() const { return lake() / split_.into.ToString(); }
  lake::Manifest Manifest() const {
    const auto manifest = lake::ReadManifest(Result()).value();
    return manifest ? *manifest : lake::Manifest();
  }
  /// Of the files that the manifest names.
  std::vector<std::string> Rows(const std::string& select) {
    std::string files;
    for (const auto& file : Manifest().files) {
      files += (files.empty() ? "'" : ", '") + (Result() / file.name).string() + "'";
    }
    return warehouse_.Rows(select + " FROM read_parquet([" + files + "])");
  }
  estate::SplitTask split_;
};

constexpr const char* kCopyInput = "cp \"$AFLUENTE_INPUT\" \"$AFLUENTE_OUTPUT\"";

TEST_F(SplitTest, EveryRowIsInOneShardAndComesBack) {
  Shell(kCopyInput);
  const auto run = RunAll(Pieces());
  ASSERT_EQ(Text(run), "");
  EXPECT_EQ(Row(run, "task").rows, 1'000U);
  EXPECT_EQ(Manifest().files.size(), 4U);
  EXPECT_THAT(Rows("SELECT count(*), count(DISTINCT id), sum(id), count(grade)"),
              ElementsAre("1000|1000|499500|909"));
  // The shards are of about one size, and each is in the order of the key.
  for (const auto& file : Manifest().files) {
    EXPECT_NEAR(static_cast<double>(file.rows), 250, 60);
    EXPECT_THAT(warehouse_.Rows("SELECT bool_and(coalesce(before < id, true)) FROM (SELECT id, "
                                "lag(id) OVER () AS before FROM '" +
                                (Result() / file.name).string() + "')"),
                ElementsAre("true"));
  }
}

TEST_F(SplitTest, RowsOfOneKeyAreInOneShard) {
  split_.key = {"school", "grade"};
  Shell(kCopyInput);
  ASSERT_EQ(Text(RunAll(Pieces())), "");
  std::string files;
  for (const auto& file : Manifest().files) {
    files += (files.empty() ? "'" : ", '") + (Result() / file.name).string() + "'";
  }
  EXPECT_THAT(warehouse_.Rows("SELECT max(n) FROM (SELECT count(DISTINCT filename) AS n FROM "
                              "read_parquet([" +
                              files + "], filename = true) GROUP BY school, grade)"),
              ElementsAre("1"));
}

TEST_F(SplitTest, NoMoreShardsThanAllowedRunAtATime) {
  split_.shards = 6;
  split_.parallel = 2;
  // Each tells that it has begun, and waits for a pipe of its own.
  for (int shard = 0; shard < split_.shards; ++shard) {
    ASSERT_EQ(mkfifo((folder() / fmt::format("go-{}", shard)).c_str(), 0600), 0);
  }
  Shell("touch begun-$AFLUENTE_SHARD; read -r _ <go-$AFLUENTE_SHARD; " + std::string(kCopyInput));
  Open(Pieces());
  const std::string run = Trigger();
  const auto running = [&] {
    std::vector<int> shards;
    for (int shard = 0; shard < split_.shards; ++shard) {
      const auto state = Row(Find(run), fmt::format("task.shard-{}", shard)).state;
      if (state == orchestrator::TaskState::kRunning) shards.push_back(shard);
    }
    return shards;
  };
  for (int left = split_.shards; left > 0; --left) {
    ASSERT_TRUE(Soon([&] { return std::ssize(running()) >= std::min(left, 2); }));
    const std::vector<int> shards = running();
    EXPECT_EQ(std::ssize(shards), std::min(left, 2));
    const int first = shards.front();
    ASSERT_TRUE(
        Soon([&] { return std::filesystem::exists(folder() / fmt::format("begun-{}", first)); }));
    std::ofstream(folder() / fmt::format("go-{}", first)) << "\n";
    const std::string task = fmt::format("task.shard-{}", first);
    ASSERT_TRUE(Soon([&] { return IsEnd(Row(Find(run), task).state); }));
  }
  ASSERT_EQ(Text(Ended(run)), "");
}

TEST_F(SplitTest, AShardThatIsKilledIsTriedAgainAlone) {
  task_.policy.retry.retries = 1;
  Shell(
      "if [ $AFLUENTE_SHARD = 2 ] && [ ! -e died ]; then touch died; "
      "echo rubbish >\"$AFLUENTE_OUTPUT\"; kill -9 $$; fi; " +
      std::string(kCopyInput));
  const auto run = RunAll(Pieces());
  ASSERT_EQ(Text(run), "");
  EXPECT_EQ(Row(run, "task.shard-2").attempt, 2);
  for (const char* task : {"task.rows", "task.shard-0", "task.shard-1", "task.shard-3", "task"}) {
    EXPECT_EQ(Row(run, task).attempt, 1) << task;
  }
  EXPECT_THAT(Rows("SELECT count(*)"), ElementsAre("1000"));
}

TEST_F(SplitTest, AFailedShardKeepsTheResultAsItWas) {
  Shell(kCopyInput);
  ASSERT_EQ(Text(RunAll(Pieces())), "");
  const auto before = Manifest();
  Shell("[ $AFLUENTE_SHARD != 1 ] && " + std::string(kCopyInput));
  EXPECT_THAT(Text(RunAll(Pieces())), HasSubstr("task task.shard-1: its command exited with 1"));
  Shell("[ $AFLUENTE_SHARD = 1 ] || " + std::string(kCopyInput));
  EXPECT_THAT(Text(RunAll(Pieces())), HasSubstr("shard 1 left no file: its worker must write"));
  EXPECT_EQ(Manifest().position.value, before.position.value);
  EXPECT_THAT(Rows("SELECT count(*)"), ElementsAre("1000"));
}

// The process dies after the manifest was written and before that was recorded.
TEST_F(SplitTest, AGatheringThatWasNotRecordedIsNotMadeTwice) {
  Assigned();
  const auto pieces = Pieces();
  const auto run = RunAll(pieces);
  ASSERT_EQ(Text(run), "");
  const auto written = std::filesystem::last_write_time(Result() / "_manifest.json");
  const orchestrator::Attempt again{{run.id, "task", 2}, "job",       "manual",
                                    run.interval_start,  run.nominal, ""};
  const auto outcome = std::get<orchestrator::ThreadWork>(pieces.back().work)(again, {});
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.error().message();
  EXPECT_EQ(outcome.output, Row(run, "task").output);
  EXPECT_EQ(std::filesystem::last_write_time(Result() / "_manifest.json"), written);
}

TEST_F(SplitTest, ArmsAreBalancedInEveryStratum) {
  Assigned();
  const auto run = RunAll(Pieces());
  ASSERT_EQ(Text(run), "");
  const auto report = nlohmann::json::parse(Row(run, "task").output);
  EXPECT_EQ(report.at("rows"), 1'000);
  EXPECT_EQ(report.at("shards").size(), 4U);
  const auto& balance = report.at("balance");
  EXPECT_EQ(balance.at("strata"), 28);  // Seven schools, three grades and none.
  EXPECT_LT(balance.at("largest_deviation").at("rows"), 1);
  EXPECT_GT(balance.at("chi_squared_p"), 0.8);
  EXPECT_NEAR(balance.at("arms").at("nudge").at("share").get<double>(), 2.0 / 3, 0.01);
  EXPECT_EQ(balance.at("newest_rows"), 1'000);
  EXPECT_THAT(Rows("SELECT count(*), count(DISTINCT id), min(experiment)"),
              ElementsAre("1000|1000|reading-2026"));
}

TEST_F(SplitTest, AKeyKeepsItsArmWhateverJoinsItAndHoweverManyShardsThereAre) {
  Assigned();
  ASSERT_EQ(Text(RunAll(Pieces())), "");
  const std::string all = "SELECT list(id || arm ORDER BY id)";
  const auto first = Rows(all);
  std::filesystem::remove(Result() / "_manifest.json");
  split_.shards = 3;
  ASSERT_EQ(Text(RunAll(Pieces())), "");
  EXPECT_EQ(Rows(all), first);
  Sql("INSERT INTO analytics.d.contacts SELECT i, 'school ' || i % 7, i % 3 FROM range(1000, 1500) "
      "AS t(i)");
  const auto run = RunAll(Pieces());
  ASSERT_EQ(Text(run), "");
  EXPECT_EQ(Rows("SELECT list(id || arm ORDER BY id) FILTER (id < 1000)"), first);
  const auto balance = nlohmann::json::parse(Row(run, "task").output).at("balance");
  EXPECT_EQ(balance.at("newest_rows"), 500);
  EXPECT_LT(balance.at("largest_deviation").at("rows"), 1);
  // Another experiment is another draw.
  split_.assign->experiment = "reading-2027";
  ASSERT_EQ(Text(RunAll(Pieces())), "");
  EXPECT_NE(Rows("SELECT list(id || arm ORDER BY id) FILTER (id < 1000)"), first);
}

TEST_F(SplitTest, WhatCannotBeAssignedIsRefused) {
  Assigned();
  split_.key = {"school"};
  EXPECT_THAT(Text(RunAll(Pieces())), HasSubstr("the key (\"school\") is not unique"));
  split_.key = {"id"};
  split_.assign->strata = {"schol"};
  EXPECT_THAT(Text(RunAll(Pieces())), HasSubstr("did you mean \"school\""));
  Sql("ALTER TABLE analytics.d.contacts RENAME COLUMN school TO arm");
  split_.assign->strata = {"arm"};
  EXPECT_THAT(Text(RunAll(Pieces())), HasSubstr("column arm would stand twice"));
}

TEST_F(SplitTest, NothingOfTheRowsStaysBehind) {
  Assigned();
  ASSERT_EQ(Text(RunAll(Pieces())), "");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(lake() / "_exchange")) {
    EXPECT_TRUE(entry.is_directory()) << entry.path();
  }
}

}  // namespace
}  // namespace afluente::test
