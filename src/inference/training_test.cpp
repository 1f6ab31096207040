#include "inference/training.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/test_folder.h"
#include "data/test_duckdb.h"
#include "inference/model_versions.h"
#include "inference/scoring.h"
#include "inference/statistics.h"
#include "inference/xgboost_engine.h"

namespace afluente::inference {
namespace {

using testing::HasSubstr;

/// Examples whose label follows from an exclusive or of two features, which none of them tells
/// alone, and from a text.
class TrainingTest : public testing::Test {
 protected:
  void WriteExamples(int rows,
                     const std::string& label = "p < 0.1 OR (p < 0.9 AND (a > 0.5) <> (b > 0.5))") {
    ASSERT_TRUE(
        data::Execute(
            duckdb_.connection(),
            fmt::format(
                "COPY (SELECT (CASE WHEN i % 5 = 0 THEN 2 WHEN i % 5 = 1 THEN 1 ELSE 0 "
                "END)::TINYINT AS _afluente_part, ({})::INTEGER::FLOAT AS _afluente_label, "
                "a, b, city FROM (SELECT i, hash(i) % 1000 / 1000.0 AS a, hash(i + 7777777) % "
                "1000 / 1000.0 AS b, hash(i * 3 + 1) % 100 / 100.0 AS p, CASE hash(i + 99) % "
                "3 WHEN 0 THEN 'Recife' WHEN 1 THEN 'Belém' END AS city FROM "
                "range({}) AS t(i)) ORDER BY i) TO '{}' (FORMAT parquet)",
                label, rows, (folder_.path() / "examples.parquet").string()))
            .ok());
    const TrainSpec spec{kXgboostName,
                         "silent",
                         {{"a", FeatureKind::kNumber, {}},
                          {"b", FeatureKind::kNumber, {}},
                          {"city", FeatureKind::kText, {}}},
                         100,
                         {{"max_depth", "3"}}};
    folder_.Write("spec.json", ToJson(spec).dump());
  }

  nlohmann::json Metrics() const { return nlohmann::json::parse(folder_.Read(kMetrics)); }

  TestFolder folder_;
  data::TestDuckdb duckdb_;
};

TEST_F(TrainingTest, FindsWhatNoSingleFeatureTells) {
  WriteExamples(4'000);
  ASSERT_TRUE(Train(folder_.path(), folder_.path()).ok());
  const nlohmann::json metrics = Metrics();
  EXPECT_GT(metrics.at("auc"), 0.8);
  EXPECT_LT(metrics.at("baseline").at("auc"), 0.6);
  EXPECT_LT(metrics.at("log_loss"), metrics.at("baseline").at("log_loss"));
  EXPECT_EQ(metrics.at("rows").at("holdout"), 800);
  EXPECT_EQ(metrics.at("rows").at("train"), 2'400);
  EXPECT_LT(metrics.at("rounds"), 100);
  EXPECT_THAT(metrics.at("importance").dump(), HasSubstr("\"feature\":\"a\""));
}

TEST_F(TrainingTest, TheSameExamplesGiveTheSameBytes) {
  WriteExamples(1'000);
  ASSERT_TRUE(Train(folder_.path(), folder_.path()).ok());
  const std::string model = folder_.Read(kModelBytes);
  const std::string metrics = folder_.Read(kMetrics);
  ASSERT_TRUE(Train(folder_.path(), folder_.path()).ok());
  EXPECT_EQ(folder_.Read(kModelBytes), model);
  EXPECT_EQ(folder_.Read(kMetrics), metrics);
}

// Held-out examples with the opposite label change what is measured, not what is fitted.
TEST_F(TrainingTest, HeldOutExamplesHaveNoPartInTheFit) {
  WriteExamples(1'000);
  ASSERT_TRUE(Train(folder_.path(), folder_.path()).ok());
  const std::string model = folder_.Read(kModelBytes);
  const std::string document = folder_.Read(kModelDocument);
  const double auc = Metrics().at("auc");
  WriteExamples(1'000, "(i % 5 = 0) <> (p < 0.1 OR (p < 0.9 AND (a > 0.5) <> (b > 0.5)))");
  ASSERT_TRUE(Train(folder_.path(), folder_.path()).ok());
  EXPECT_EQ(folder_.Read(kModelBytes), model);
  EXPECT_EQ(folder_.Read(kModelDocument), document);
  EXPECT_NEAR(Metrics().at("auc").get<double>(), 1 - auc, 1e-9);
}

TEST_F(TrainingTest, AVersionScoresAsItDidWhenItWasFitted) {
  WriteExamples(1'000);
  ASSERT_TRUE(Train(folder_.path(), folder_.path()).ok());
  const auto models = folder_.path() / "models";
  ASSERT_TRUE(PublishVersion(models, {"v1", "run", "now", 0.5}, folder_.path()).ok());
  const auto loaded = LoadModel(models, "");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  ASSERT_TRUE(
      data::Execute(duckdb_.connection(), "CREATE TABLE stage(i BIGINT, score DOUBLE)").ok());
  const auto scored = ScoreRows(
      duckdb_.connection(),
      fmt::format("SELECT file_row_number, NULL::DOUBLE, {} FROM read_parquet('{}', "
                  "file_row_number = true) WHERE _afluente_part = 2",
                  loaded.value().plan.SelectList(), (folder_.path() / "examples.parquet").string()),
      duckdb_.connection(), {"memory", "main", "stage"}, 2, 1, loaded.value(), {});
  ASSERT_TRUE(scored.ok()) << scored.error().message();
  EXPECT_EQ(scored.value().rows, 200U);
  std::vector<float> scores;
  std::vector<float> labels;
  for (const auto& row : duckdb_.Rows(fmt::format(
           "SELECT score, _afluente_label FROM stage JOIN read_parquet('{}', file_row_number = "
           "true) ON i = file_row_number",
           (folder_.path() / "examples.parquet").string()))) {
    scores.push_back(std::stof(row));
    labels.push_back(std::stof(row.substr(row.find('|') + 1)));
  }
  EXPECT_NEAR(*Auc(scores, labels), Metrics().at("auc").get<double>(), 1e-6);
}

TEST_F(TrainingTest, DamagedFilesAreNamed) {
  WriteExamples(200);
  folder_.Write("spec.json", "{");
  const Status damaged = Train(folder_.path(), folder_.path());
  ASSERT_FALSE(damaged.ok());
  EXPECT_THAT(damaged.error().message(), HasSubstr("spec.json is damaged"));
  EXPECT_FALSE(XgboostEngine().Load("no model").ok());
  EXPECT_FALSE(FindEngine("vertex").ok());
}

TEST(ModelVersions, APublicationThatIsTriedAgainHappensOnce) {
  const TestFolder folder;
  for (const char* name : {kModelBytes, kModelDocument, kMetrics}) folder.Write(name, "first");
  const auto models = ModelFolder(folder.path() / "lake", "coltrane", "risk");
  EXPECT_THAT(FindVersion(models, "").error().message(),
              HasSubstr("model risk of coltrane has no version yet"));
  ASSERT_TRUE(PublishVersion(models, {"v1", "run-1", "t1", 0.7}, folder.path()).ok());
  folder.Write(kMetrics, "second");
  ASSERT_TRUE(PublishVersion(models, {"v1", "run-1", "t2", 0.8}, folder.path()).ok());
  const auto versions = ReadVersions(models);
  ASSERT_EQ(versions.value().size(), 1U);
  EXPECT_EQ(versions.value()[0].auc, 0.7);
  EXPECT_EQ(folder.Read("lake/coltrane/models/risk/v1/metrics.json"), "first");
  ASSERT_TRUE(PublishVersion(models, {"v2", "run-2", "t3", 0.9}, folder.path()).ok());
  EXPECT_EQ(FindVersion(models, "").value().name, "v2");
  EXPECT_EQ(FindVersion(models, "v1").value().run, "run-1");
  EXPECT_THAT(FindVersion(models, "v3").error().message(), HasSubstr("has no version v3"));
}

TEST(ModelVersions, FilesThatAreMissingListNothing) {
  const TestFolder folder;
  const auto models = folder.path() / "models";
  EXPECT_FALSE(PublishVersion(models, {"v1", "run", "t", 0.5}, folder.path() / "nowhere").ok());
  EXPECT_TRUE(ReadVersions(models).value().empty());
}

}  // namespace
}  // namespace afluente::inference
