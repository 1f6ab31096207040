// What fits models and computes scores. One engine so far; an endpoint or an SQL warehouse that
// scores would be another one.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace afluente::inference {

/// Numbers of features, a row an example, one row after the other. NaN: missing.
struct Matrix {
  std::size_t columns = 0;
  std::vector<float> values;

  std::size_t rows() const { return columns == 0 ? 0 : values.size() / columns; }
};

struct Examples {
  Matrix features;
  std::vector<float> labels;  // 0 or 1, a row each.
};

struct FitOptions {
  int rounds = 200;                               // At most.
  std::map<std::string, std::string> parameters;  // As estate::TrainParameterProblem allows.
};

/// A fitted model. Not thread-safe.
class Model {
 public:
  virtual ~Model() = default;
  /// The probability of a 1, a row each. Errors: kSchemaMismatch for another number of columns;
  /// the engine's.
  virtual Result<std::vector<float>> Score(const Matrix& features) const = 0;
  /// The bytes that Engine::Load takes. The same fit gives the same bytes.
  virtual Result<std::string> Save() const = 0;
  /// How much each feature has to do with the scores, by its index; they sum to 1, or are all 0.
  virtual Result<std::vector<double>> Importance() const = 0;
  virtual int rounds() const = 0;
};

/// Stateless; thread-safe.
class Engine {
 public:
  virtual ~Engine() = default;
  /// Fits on `train` and stops when `validation` gets no better. The same input gives the same
  /// model. Errors: the engine's.
  virtual Result<std::unique_ptr<Model>> Fit(const Examples& train, const Examples& validation,
                                             const FitOptions& options) const = 0;
  /// Errors: kInternal for bytes that Save did not make.
  virtual Result<std::unique_ptr<Model>> Load(std::string_view bytes) const = 0;
};

/// The engine of that name, as model.json has it: "xgboost".
/// Errors: kNotFound with the names that there are.
Result<const Engine*> FindEngine(std::string_view name);

}  // namespace afluente::inference
