// A model from its table to scores: train and predict as the scheduler runs them.
#include <fmt/format.h>
#include <sys/stat.h>

#include "inference/model_versions.h"
#include "integration/learning_fixture.h"

namespace afluente::test {
namespace {

using orchestrator::RunState;
using testing::ElementsAre;
using testing::HasSubstr;

class TrainTest : public LearningTest {
 protected:
  TrainTest() {
    train_.model = "risk";
    train_.table = {"analytics", "ml", "features"};
    train_.label = "silent";
    train_.key = {"id", "week"};
    train_.rounds = 60;
    predict_.model = "risk";
    predict_.table = train_.table;
    predict_.where = "silent IS NULL";
    predict_.into = {"analytics", "predictions", "scores"};
    predict_.key = {"id", "week"};
    predict_.score = "risk";
    // Two features tell together what neither tells alone; the last week is to be predicted.
    Sql("CREATE SCHEMA analytics.ml; CREATE TABLE analytics.ml.features AS SELECT id, week, "
        "CASE WHEN week < 3 THEN (a > 0.5) <> (b > 0.5) END AS silent, a, b, "
        "CASE WHEN id % 3 > 0 THEN 'place ' || id % 3 END AS place FROM (SELECT id, week, "
        "hash(id * 10 + week) % 1000 / 1000.0 AS a, hash(id * 10 + week + 5) % 1000 / 1000.0 AS b "
        "FROM range(600) AS t(id), range(4) AS u(week))");
  }

  std::vector<orchestrator::TaskPiece> Train() {
    return orchestrator::TrainPieces(task_, train_, Context());
  }
  std::vector<orchestrator::TaskPiece> Predict() {
    return orchestrator::PredictPieces(task_, predict_, Context());
  }
  std::vector<inference::ModelVersion> Versions() const {
    return inference::ReadVersions(inference::ModelFolder(lake(), "analytics", "risk")).value();
  }

  estate::TrainTask train_;
  estate::PredictTask predict_;
};

TEST_F(TrainTest, ATableBecomesAVersionWithItsMetricsAndThenScores) {
  const auto run = RunAll(Train());
  ASSERT_EQ(Text(run), "");
  ASSERT_EQ(Versions().size(), 1U);
  const auto metrics = nlohmann::json::parse(Row(run, "task").output);
  EXPECT_GT(metrics.at("auc"), 0.9);
  EXPECT_LT(metrics.at("baseline").at("auc"), 0.65);
  EXPECT_EQ(metrics.at("version"), Versions()[0].name);
  EXPECT_EQ(metrics.at("table"), "analytics.ml.features");
  EXPECT_EQ(Row(run, "task").rows, 1'800U);  // Without the rows to be predicted.
  const auto& rows = metrics.at("rows");
  EXPECT_EQ(rows.at("train").get<int>() % 3, 0);  // Weeks of one id are on one side.
  EXPECT_NEAR(rows.at("holdout").get<double>(), 360, 60);

  const auto predicted = RunAll(Predict());
  ASSERT_EQ(Text(predicted), "");
  EXPECT_EQ(Row(predicted, "task").rows, 600U);
  EXPECT_THAT(updated_, ElementsAre("analytics.predictions.scores"));
  EXPECT_THAT(warehouse_.Rows("SELECT count(*), count(DISTINCT id), min(week), min(model), "
                              "min(version) = '" +
                              Versions()[0].name +
                              "', "
                              "count(predicted_at) FROM analytics.predictions.scores"),
              ElementsAre("600|600|3|risk|true|600"));
  EXPECT_THAT(warehouse_.Rows("SELECT avg(((risk > 0.5) = ((a > 0.5) <> (b > 0.5)))::INT) > 0.85 "
                              "FROM analytics.predictions.scores JOIN analytics.ml.features USING "
                              "(id, week)"),
              ElementsAre("true"));
  EXPECT_THAT(warehouse_.Rows("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE "
                              "'\\_afluente\\_stage%' ESCAPE '\\'"),
              testing::IsEmpty());
}

TEST_F(TrainTest, AModelBelowTheBarIsNotPublishedAndTheOneBeforeStays) {
  ASSERT_EQ(Text(RunAll(Train())), "");
  train_.min_auc = 1.01;  // Out of reach.
  const auto run = RunAll(Train());
  EXPECT_THAT(Text(run), HasSubstr("model risk is not published and stays as it was: its AUC"));
  EXPECT_THAT(Row(run, "task").output, HasSubstr("\"auc\""));
  EXPECT_EQ(Versions().size(), 1U);
}

// The process dies after the version was published and before that was recorded.
TEST_F(TrainTest, APublicationThatWasNotRecordedIsNotMadeTwice) {
  const auto pieces = Train();
  const auto run = RunAll(pieces);
  ASSERT_EQ(Text(run), "");
  orchestrator::Attempt again{{run.id, "task", 2}, "job",       "manual",
                              run.interval_start,  run.nominal, ""};
  const auto outcome = std::get<orchestrator::ThreadWork>(pieces.back().work)(again, {});
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.error().message();
  EXPECT_EQ(Versions().size(), 1U);
  EXPECT_EQ(outcome.output, Row(run, "task").output);
}

TEST_F(TrainTest, ClearedAndRunAgainItIsAnotherVersion) {
  Open(Train());
  const std::string run = Trigger();
  ASSERT_EQ(Text(Ended(run)), "");
  ASSERT_TRUE(scheduler_->Clear(run, "task.rows", true).ok());
  ASSERT_TRUE(Soon([&] { return Row(Find(run), "task").attempt == 2; }));
  ASSERT_EQ(Text(Ended(run)), "");
  ASSERT_EQ(Versions().size(), 2U);
  EXPECT_NE(Versions()[0].name, Versions()[1].name);
  // The examples are gone; to fit again they have to be exported again.
  ASSERT_TRUE(scheduler_->Clear(run, "task.fit", false).ok());
  ASSERT_TRUE(Soon([&] { return Row(Find(run), "task.fit").attempt == 3; }));
  EXPECT_THAT(Text(Ended(run)), HasSubstr("task task.rows has left no spec.json: clear it"));
}

TEST_F(TrainTest, WhatCannotBeLearnedFromIsRefusedWithTheCure) {
  struct Case {
    std::string change;
    std::function<void(estate::TrainTask&)> edit;
    std::string error;
  };
  const Case cases[] = {
      {"", [](auto& t) { t.table.table = "feature"; },
       "the warehouse has no table analytics.ml.feature"},
      {"", [](auto& t) { t.label = "silence"; },
       "has no column silence (did you mean \"silent\"?)"},
      {"", [](auto& t) { t.key = {"id"}; }, "the key (\"id\") is not unique"},
      {"", [](auto& t) { t.parameters["max_depht"] = "3"; }, "did you mean \"max_depth\""},
      {"", [](auto& t) { t.label = "week"; },
       "label week: 1200 rows have another value than 0, 1 and NULL"},
      {"ALTER TABLE analytics.ml.features ADD COLUMN seen TIMESTAMP", [](auto&) {},
       "column seen is TIMESTAMP, which is no feature: make it a distance"},
      {"ALTER TABLE analytics.ml.features DROP COLUMN seen; ALTER TABLE analytics.ml.features ADD "
       "COLUMN code VARCHAR; UPDATE analytics.ml.features "
       "SET "
       "code = id || '-' || week",
       [](auto&) {}, "column code has some"},
      {"",
       [](auto& t) {
         t.features = {"a"};
         t.holdout = 0.0001;
       },
       "held-out examples in"},
  };
  for (const Case& c : cases) {
    if (!c.change.empty()) Sql(c.change);
    train_.features.clear();
    estate::TrainTask train = train_;
    c.edit(train);
    const auto run = RunAll(orchestrator::TrainPieces(task_, train, Context()));
    EXPECT_THAT(Text(run), HasSubstr(c.error));
  }
  EXPECT_TRUE(Versions().empty());
}

TEST_F(TrainTest, AKilledFitIsTriedAgain) {
  task_.policy.retry.retries = 1;
  auto pieces = Train();
  const auto fit = std::get<orchestrator::ProcessWork>(pieces[1].work);
  pieces[1].work = orchestrator::ProcessWork([&](const orchestrator::Attempt& attempt) {
    auto command = fit(attempt);
    if (command.ok() && attempt.ref.attempt == 1) {
      command.value().arguments = {"sh", "-c", "kill -9 $$"};
    }
    return command;
  });
  const auto run = RunAll(pieces);
  ASSERT_EQ(Text(run), "");
  EXPECT_EQ(Row(run, "task.fit").attempt, 2);
  EXPECT_EQ(Row(run, "task.rows").attempt, 1);
  EXPECT_EQ(Versions().size(), 1U);
}

TEST_F(TrainTest, AFitOutlivesTheServiceAndIsTakenUpAgain) {
  auto pieces = Train();
  const auto fit = std::get<orchestrator::ProcessWork>(pieces[1].work);
  // It waits until somebody writes into a pipe before it begins.
  ASSERT_EQ(mkfifo((folder() / "go").c_str(), 0600), 0);
  pieces[1].work = orchestrator::ProcessWork([&](const orchestrator::Attempt& attempt) {
    auto command = fit(attempt);
    if (!command.ok()) return command;
    std::vector<std::string> waiting = {"sh", "-c", "touch begun; read -r _ <go; exec \"$@\"",
                                        "sh"};
    auto& arguments = command.value().arguments;
    arguments.insert(arguments.begin(), waiting.begin(), waiting.end());
    command.value().working_folder = folder();
    return command;
  });
  Open(pieces);
  const std::string run = Trigger();
  ASSERT_TRUE(Soon([&] { return std::filesystem::exists(folder() / "begun"); }));
  Close();
  std::ofstream(folder() / "go") << "\n";
  Open(pieces);
  ASSERT_EQ(Text(Ended(run)), "");
  EXPECT_EQ(Row(Find(run), "task.fit").attempt, 1);
  EXPECT_EQ(Versions().size(), 1U);
}

TEST_F(TrainTest, APredictionThatFailsLeavesTheScoresAsTheyWere) {
  predict_.version = "";
  EXPECT_THAT(Text(RunAll(Predict())), HasSubstr("model risk of analytics has no version yet"));
  ASSERT_EQ(Text(RunAll(Train())), "");
  ASSERT_EQ(Text(RunAll(Predict())), "");
  const std::string sum = "SELECT sum(risk) FROM analytics.predictions.scores";
  const auto before = warehouse_.Rows(sum);
  predict_.key = {"week"};
  EXPECT_THAT(Text(RunAll(Predict())), HasSubstr("is not unique"));
  predict_.key = {"id"};
  predict_.version = "2020";
  EXPECT_THAT(Text(RunAll(Predict())), HasSubstr("model risk has no version 2020"));
  predict_.version = "";
  Sql("ALTER TABLE analytics.ml.features RENAME COLUMN a TO aa");
  EXPECT_THAT(Text(RunAll(Predict())), HasSubstr("was fitted on column a, which"));
  EXPECT_EQ(warehouse_.Rows(sum), before);
  Sql("ALTER TABLE analytics.ml.features RENAME COLUMN aa TO a");
  predict_.where = "false";
  ASSERT_EQ(Text(RunAll(Predict())), "");
  EXPECT_THAT(warehouse_.Rows("SELECT count(*) FROM analytics.predictions.scores"),
              ElementsAre("0"));
}

}  // namespace
}  // namespace afluente::test
