#include "inference/xgboost_engine.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "inference/xgboost_api.h"

namespace afluente::inference {
namespace {

constexpr int kPatience = 20;  // Rounds without a gain on the validation rows.

// What holds unless a task says otherwise. Trees that are not deep, on parts of rows and columns:
// a cautious choice for some ten thousand rows. One thread, so that sums have one order.
const std::map<std::string, std::string>& Defaults() {
  static const std::map<std::string, std::string> kDefaults = {
      {"max_depth", "5"},
      {"eta", "0.1"},
      {"subsample", "0.8"},
      {"colsample_bytree", "0.8"},
      {"min_child_weight", "5"},
      {"nthread", "1"},
      {"seed", "1"},
      {"verbosity", "0"},
      {"tree_method", "hist"},
      {"objective", "binary:logistic"},
      {"eval_metric", "logloss"},
  };
  return kDefaults;
}

// Of NumPy's array interface, version 3, as XGBoost takes it.
std::string ArrayOf(const Matrix& matrix) {
  return fmt::format(R"({{"data":[{},true],"shape":[{},{}],"typestr":"<f4","version":3}})",
                     reinterpret_cast<std::uintptr_t>(matrix.values.data()), matrix.rows(),
                     matrix.columns);
}

Status SetParameters(const XgbBooster& booster, const std::map<std::string, std::string>& values) {
  for (const auto& [name, value] : values) {
    AFL_TRY(CheckXgb(Xgb().BoosterSetParam(booster.get(), name.c_str(), value.c_str())));
  }
  return Done{};
}

class XgboostModel final : public Model {
 public:
  explicit XgboostModel(XgbBooster booster) : booster_(std::move(booster)) {}

  Result<std::vector<float>> Score(const Matrix& features) const override {
    if (features.rows() == 0) return std::vector<float>();
    bst_ulong expected = 0;
    AFL_TRY(CheckXgb(Xgb().BoosterGetNumFeature(booster_.get(), &expected)));
    if (features.columns != expected) {
      return Error(
          ErrorKind::kSchemaMismatch,
          fmt::format("the model has {} features, the rows have {}", expected, features.columns));
    }
    constexpr const char* kConfig =
        R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":0,)"
        R"("strict_shape":false,"missing":NaN,"cache_id":0})";
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* scores = nullptr;
    AFL_TRY(
        CheckXgb(Xgb().BoosterPredictFromDense(booster_.get(), ArrayOf(features).c_str(), kConfig,
                                               nullptr, &shape, &dimensions, &scores)));
    return std::vector<float>(scores, scores + features.rows());
  }

  Result<std::string> Save() const override {
    bst_ulong length = 0;
    const char* bytes = nullptr;
    AFL_TRY(CheckXgb(
        Xgb().BoosterSaveModelToBuffer(booster_.get(), R"({"format":"ubj"})", &length, &bytes)));
    return std::string(bytes, length);
  }

  Result<std::vector<double>> Importance() const override {
    bst_ulong expected = 0;
    AFL_TRY(CheckXgb(Xgb().BoosterGetNumFeature(booster_.get(), &expected)));
    std::vector<double> importance(expected, 0.0);
    bst_ulong count = 0;
    const char** names = nullptr;
    bst_ulong dimensions = 0;
    const bst_ulong* shape = nullptr;
    const float* gains = nullptr;
    AFL_TRY(
        CheckXgb(Xgb().BoosterFeatureScore(booster_.get(), R"({"importance_type":"total_gain"})",
                                           &count, &names, &dimensions, &shape, &gains)));
    double sum = 0;
    for (bst_ulong i = 0; i < count; ++i) {
      const auto index = static_cast<std::size_t>(std::atoll(names[i] + 1));  // "f12"
      if (index < importance.size()) importance[index] = gains[i];
      sum += gains[i];
    }
    for (double& share : importance) share = sum > 0 ? share / sum : 0;
    return importance;
  }

  int rounds() const override {
    int rounds = 0;
    return Xgb().BoosterBoostedRounds(booster_.get(), &rounds) == 0 ? rounds : 0;
  }

 private:
  XgbBooster booster_;
};

Result<XgbMatrix> MatrixOf(const Examples& examples) {
  XgbMatrix matrix;
  AFL_TRY(CheckXgb(Xgb().MatrixCreateFromDense(ArrayOf(examples.features).c_str(),
                                               R"({"missing":NaN,"nthread":1})", matrix.out())));
  AFL_TRY(CheckXgb(Xgb().MatrixSetFloatInfo(matrix.get(), "label", examples.labels.data(),
                                            examples.labels.size())));
  return matrix;
}

// The number in "[12]\tvalidation-logloss:0.512345".
Result<double> LossAfter(const XgbBooster& booster, int round, const XgbMatrix& validation) {
  DMatrixHandle raw = validation.get();
  const char* name = "validation";
  const char* text = nullptr;
  AFL_TRY(CheckXgb(Xgb().BoosterEvalOneIter(booster.get(), round, &raw, &name, 1, &text)));
  const std::string line = text;
  return std::strtod(line.c_str() + line.rfind(':') + 1, nullptr);
}

class Xgboost final : public Engine {
 public:
  Result<std::unique_ptr<Model>> Fit(const Examples& train, const Examples& validation,
                                     const FitOptions& options) const override {
    AFL_TRY(LoadXgb());
    AFL_ASSIGN(const XgbMatrix train_matrix, MatrixOf(train));
    AFL_ASSIGN(const XgbMatrix validation_matrix, MatrixOf(validation));
    const std::array<DMatrixHandle, 2> matrices{train_matrix.get(), validation_matrix.get()};
    XgbBooster booster;
    AFL_TRY(CheckXgb(Xgb().BoosterCreate(matrices.data(), matrices.size(), booster.out())));
    std::map<std::string, std::string> parameters = options.parameters;
    parameters.insert(Defaults().begin(), Defaults().end());
    AFL_TRY(SetParameters(booster, parameters));
    double best_loss = std::numeric_limits<double>::infinity();
    int best = 0;
    for (int round = 0; round < options.rounds && round - best <= kPatience; ++round) {
      AFL_TRY(CheckXgb(Xgb().BoosterUpdateOneIter(booster.get(), round, train_matrix.get())));
      AFL_ASSIGN(const double loss, LossAfter(booster, round, validation_matrix));
      if (loss >= best_loss) continue;
      best_loss = loss;
      best = round;
    }
    XgbBooster until_best;
    AFL_TRY(CheckXgb(Xgb().BoosterSlice(booster.get(), 0, best + 1, 1, until_best.out())));
    return std::unique_ptr<Model>(std::make_unique<XgboostModel>(std::move(until_best)));
  }

  Result<std::unique_ptr<Model>> Load(std::string_view bytes) const override {
    AFL_TRY(LoadXgb());
    XgbBooster booster;
    AFL_TRY(CheckXgb(Xgb().BoosterCreate(nullptr, 0, booster.out())));
    AFL_TRY(CheckXgb(Xgb().BoosterLoadModelFromBuffer(booster.get(), bytes.data(), bytes.size())));
    AFL_TRY(SetParameters(booster, {{"nthread", "1"}, {"verbosity", "0"}}));
    return std::unique_ptr<Model>(std::make_unique<XgboostModel>(std::move(booster)));
  }
};

}  // namespace

const Engine& XgboostEngine() {
  static const Xgboost kEngine;
  return kEngine;
}

Result<const Engine*> FindEngine(std::string_view name) {
  if (name == kXgboostName) return &XgboostEngine();
  return Error(ErrorKind::kNotFound,
               fmt::format("there is no engine \"{}\"; there is {}", name, kXgboostName));
}

}  // namespace afluente::inference
