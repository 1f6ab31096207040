// How columns become numbers that an engine takes. Training and scoring go through the same code.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/evolution.h"
#include "data/duckdb_api.h"
#include "inference/engine.h"

namespace afluente::inference {

enum class FeatureKind : std::uint8_t {
  kNumber,  // A number or a boolean, as it is.
  kText,    // The place of its value among the categories.
};

struct Feature {
  std::string name;
  FeatureKind kind = FeatureKind::kNumber;
  /// kText: the values that training rows had, by their share of ones. Any other value is missing.
  std::vector<std::string> categories;
};

/// Text columns with more values than this are no categories.
inline constexpr std::size_t kCategoriesMax = 1'000;
/// Values of fewer training rows than this are missing: their share of ones says nothing.
inline constexpr std::size_t kCategoryRowsMin = 10;

/// The kind of a column. Errors: kInvalidConfig, with the cure, for a type that is no feature:
/// times, identifiers, lists.
Result<FeatureKind> KindOf(const duck::TableColumn& column);

/// Immutable; thread-safe.
class FeaturePlan {
 public:
  explicit FeaturePlan(std::vector<Feature> features);

  const std::vector<Feature>& features() const { return features_; }

  /// The columns in SQL, in the form that Encode reads.
  std::string SelectList() const;

  /// Appends the rows of a chunk to `matrix`; the columns of SelectList begin at `first`. NULL, NaN
  /// and unknown categories are missing.
  void Encode(duckdb_data_chunk chunk, std::size_t first, Matrix& matrix) const;

  /// Features that are missing in the table, or of another kind there, named with the cure.
  /// `columns`: the table's. Errors: kSchemaMismatch.
  Status CheckTable(const std::string& table, const std::vector<duck::TableColumn>& columns) const;

 private:
  const std::vector<Feature> features_;
  std::vector<std::unordered_map<std::string, float>> places_;  // By feature; of its categories.
};

nlohmann::json ToJson(const std::vector<Feature>& features);
/// Throws nlohmann::json::exception for anything that ToJson did not make.
std::vector<Feature> FeaturesFromJson(const nlohmann::json& json);

}  // namespace afluente::inference
