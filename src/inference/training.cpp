#include "inference/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <utility>

#include "base/durable_file.h"
#include "base/names.h"
#include "inference/scratch.h"
#include "inference/statistics.h"

namespace afluente::inference {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kParts = 3;
constexpr std::size_t kImportantMax = 10;

using ExamplesByPart = std::array<Examples, kParts>;

const Examples& Of(const ExamplesByPart& parts, Part part) {
  return parts[static_cast<std::size_t>(part)];
}

// By the share of ones, so that a tree finds "the worse half" with one cut.
Status LearnCategories(duckdb_connection connection, const std::string& file,
                       std::vector<Feature>& features) {
  for (Feature& feature : features) {
    if (feature.kind != FeatureKind::kText) continue;
    AFL_ASSIGN(
        const auto rows,
        data::QueryCells(
            connection,
            fmt::format("SELECT {0} FROM read_parquet({1}) WHERE {2} = {3} AND {0} IS NOT NULL "
                        "GROUP BY {0} HAVING count(*) >= {4} ORDER BY avg({5}), {0}",
                        QuoteIdentifier(feature.name), file, kPartColumn,
                        static_cast<int>(Part::kTrain), kCategoryRowsMin, kLabelColumn)));
    for (const auto& row : rows) feature.categories.push_back(row.front().text);
  }
  return Done{};
}

Result<ExamplesByPart> ReadExamples(duckdb_connection connection, const std::string& file,
                                    const FeaturePlan& plan) {
  ExamplesByPart parts;
  for (std::size_t part = 0; part < kParts; ++part) {
    AFL_ASSIGN(data::DuckResult rows,
               data::Query(connection,
                           fmt::format("SELECT CAST({} AS FLOAT), {} FROM read_parquet({}) "
                                       "WHERE {} = {}",
                                       kLabelColumn, plan.SelectList(), file, kPartColumn, part)));
    Examples& examples = parts[part];
    while (true) {
      const data::DuckChunk chunk(duckdb_fetch_chunk(rows.get()));
      if (chunk.get() == nullptr) break;
      const auto* labels = static_cast<const float*>(
          duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), 0)));
      examples.labels.insert(examples.labels.end(), labels,
                             labels + duckdb_data_chunk_get_size(chunk.get()));
      plan.Encode(chunk.get(), 1, examples.features);
    }
  }
  return parts;
}

double Ones(const Examples& examples) {
  return std::accumulate(examples.labels.begin(), examples.labels.end(), 0.0);
}

nlohmann::json ImportanceJson(const std::vector<double>& importance,
                              const std::vector<Feature>& features) {
  std::vector<std::size_t> order(importance.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return importance[a] > importance[b]; });
  nlohmann::json json = nlohmann::json::array();
  for (const std::size_t i : order) {
    if (importance[i] <= 0 || json.size() == kImportantMax) break;
    json.push_back({{"feature", features[i].name}, {"share", importance[i]}});
  }
  return json;
}

Result<nlohmann::json> Measure(const Model& model, const ExamplesByPart& parts,
                               const std::vector<Feature>& features) {
  const Examples& holdout = Of(parts, Part::kHoldout);
  AFL_ASSIGN(const std::vector<float> scores, model.Score(holdout.features));
  const auto auc = Auc(scores, holdout.labels);
  const auto baseline = FindBaseline(Of(parts, Part::kTrain));
  if (!auc || !baseline) {
    return Error(ErrorKind::kInvalidConfig,
                 "the training or the held-out examples have one label only");
  }
  const auto ones = static_cast<std::size_t>(Ones(holdout));
  const double train_rate =
      Ones(Of(parts, Part::kTrain)) / static_cast<double>(Of(parts, Part::kTrain).labels.size());
  const std::vector<float> rates(holdout.labels.size(), static_cast<float>(train_rate));
  AFL_ASSIGN(const std::vector<double> importance, model.Importance());
  nlohmann::json counts;
  nlohmann::json positives;
  for (const auto& [name, part] :
       {std::pair{"train", Part::kTrain}, std::pair{"validation", Part::kValidation},
        std::pair{"holdout", Part::kHoldout}}) {
    counts[name] = Of(parts, part).labels.size();
    positives[name] = static_cast<std::size_t>(Ones(Of(parts, part)));
  }
  return nlohmann::json{
      {"rows", counts},
      {"positives", positives},
      {"features", features.size()},
      {"rounds", model.rounds()},
      {"auc", *auc},
      {"auc_standard_error", AucStandardError(*auc, ones, holdout.labels.size() - ones)},
      {"log_loss", LogLoss(scores, holdout.labels)},
      {"baseline",
       {{"feature", features[baseline->feature].name},
        {"auc", *Auc(BaselineScores(*baseline, holdout.features), holdout.labels)},
        {"base_rate", train_rate},
        {"log_loss", LogLoss(rates, holdout.labels)}}},
      {"importance", ImportanceJson(importance, features)}};
}

}  // namespace

nlohmann::json ToJson(const TrainSpec& spec) {
  return {{"engine", spec.engine},
          {"label", spec.label},
          {"features", ToJson(spec.features)},
          {"rounds", spec.rounds},
          {"parameters", spec.parameters}};
}

TrainSpec TrainSpecFromJson(const nlohmann::json& json) {
  return {json.at("engine"), json.at("label"), FeaturesFromJson(json.at("features")),
          json.at("rounds"), json.at("parameters")};
}

Status Train(const fs::path& folder, const fs::path& out) {
  AFL_ASSIGN(const nlohmann::json json, ReadJson(folder / "spec.json"));
  const TrainSpec spec = TrainSpecFromJson(json);
  AFL_ASSIGN(const Engine* engine, FindEngine(spec.engine));
  AFL_ASSIGN(const Scratch scratch, Scratch::Open());
  const std::string file = QuoteLiteral((folder / "examples.parquet").string());

  std::vector<Feature> features = spec.features;
  AFL_TRY(LearnCategories(scratch.connection(), file, features));
  const FeaturePlan plan(features);
  AFL_ASSIGN(const ExamplesByPart parts, ReadExamples(scratch.connection(), file, plan));
  AFL_ASSIGN(const auto model, engine->Fit(Of(parts, Part::kTrain), Of(parts, Part::kValidation),
                                           {spec.rounds, spec.parameters}));
  AFL_ASSIGN(const nlohmann::json metrics, Measure(*model, parts, features));
  AFL_ASSIGN(const std::string bytes, model->Save());

  const nlohmann::json document = {{"format", 1},
                                   {"engine", spec.engine},
                                   {"label", spec.label},
                                   {"features", ToJson(features)}};
  AFL_TRY(ReplaceFile(out / kModelBytes, bytes));
  AFL_TRY(ReplaceFile(out / kModelDocument, document.dump(2) + "\n"));
  return ReplaceFile(out / kMetrics, metrics.dump(2) + "\n");
}

}  // namespace afluente::inference
