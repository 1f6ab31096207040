#include "inference/features.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/names.h"

namespace afluente::inference {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
constexpr double kFarthest = 1e30;  // Infinities and what a float cannot hold end here.

constexpr std::array<std::string_view, 13> kNumberTypes = {
    "BOOLEAN",   "TINYINT",  "SMALLINT", "INTEGER",  "BIGINT", "HUGEINT", "UTINYINT",
    "USMALLINT", "UINTEGER", "UBIGINT",  "UHUGEINT", "FLOAT",  "DOUBLE"};

bool IsOneOf(std::string_view type, std::span<const std::string_view> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

std::string_view NameOf(FeatureKind kind) { return kind == FeatureKind::kText ? "text" : "number"; }

}  // namespace

Result<FeatureKind> KindOf(const duck::TableColumn& column) {
  const std::string& type = column.type;
  const bool is_list = type.ends_with("]");
  if (!is_list && (IsOneOf(type, kNumberTypes) || type.starts_with("DECIMAL"))) {
    return FeatureKind::kNumber;
  }
  if (!is_list && (type == "VARCHAR" || type.starts_with("ENUM"))) return FeatureKind::kText;
  std::string cure = "take numbers or texts out of it in the model that makes the table";
  if (type.starts_with("TIME") || type == "DATE" || type == "INTERVAL") {
    cure = "make it a distance, such as date_diff('hour', " + column.name + ", cut_off)";
  } else if (type == "UUID") {
    cure = "an identifier says nothing of another row";
  }
  return Error(ErrorKind::kInvalidConfig,
               fmt::format("column {} is {}, which is no feature: {}; or name the others in "
                           "`features`",
                           column.name, type, cure));
}

FeaturePlan::FeaturePlan(std::vector<Feature> features)
    : features_(std::move(features)), places_(features_.size()) {
  for (std::size_t i = 0; i < features_.size(); ++i) {
    float place = 0;
    for (const std::string& category : features_[i].categories) places_[i][category] = place++;
  }
}

std::string FeaturePlan::SelectList() const {
  std::string list;
  for (const Feature& feature : features_) {
    list += fmt::format("{}CAST({} AS {})", list.empty() ? "" : ", ", QuoteIdentifier(feature.name),
                        feature.kind == FeatureKind::kText ? "VARCHAR" : "DOUBLE");
  }
  return list;
}

void FeaturePlan::Encode(duckdb_data_chunk chunk, std::size_t first, Matrix& matrix) const {
  const idx_t rows = duckdb_data_chunk_get_size(chunk);
  matrix.columns = features_.size();
  const std::size_t begin = matrix.values.size();
  matrix.values.resize(begin + rows * matrix.columns, kMissing);
  for (std::size_t i = 0; i < features_.size(); ++i) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, first + i);
    std::uint64_t* validity = duckdb_vector_get_validity(vector);
    void* data = duckdb_vector_get_data(vector);
    for (idx_t row = 0; row < rows; ++row) {
      if (validity != nullptr && !duckdb_validity_row_is_valid(validity, row)) continue;
      float& cell = matrix.values[begin + row * matrix.columns + i];
      if (features_[i].kind == FeatureKind::kNumber) {
        // A NaN stays one.
        cell = static_cast<float>(
            std::clamp(static_cast<const double*>(data)[row], -kFarthest, kFarthest));
      } else {
        duckdb_string_t* text = static_cast<duckdb_string_t*>(data) + row;
        const auto place =
            places_[i].find(std::string(duckdb_string_t_data(text), duckdb_string_t_length(*text)));
        if (place != places_[i].end()) cell = place->second;
      }
    }
  }
}

Status FeaturePlan::CheckTable(const std::string& table,
                               const std::vector<duck::TableColumn>& columns) const {
  std::vector<std::string> names;
  for (const duck::TableColumn& column : columns) names.push_back(column.name);
  for (const Feature& feature : features_) {
    const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& column) {
      return strcasecmp(column.name.c_str(), feature.name.c_str()) == 0;
    });
    if (found == columns.end()) {
      return Error(
          ErrorKind::kSchemaMismatch,
          fmt::format("the model was fitted on column {}, which {} has not{}; fit it anew, "
                      "or name the version before",
                      feature.name, table, DidYouMean(feature.name, names)));
    }
    const auto kind = KindOf(*found);
    if (kind.ok() && kind.value() == feature.kind) continue;
    return Error(ErrorKind::kSchemaMismatch,
                 fmt::format("the model was fitted when column {} was a {}; in {} it is {}: fit it "
                             "anew",
                             feature.name, NameOf(feature.kind), table, found->type));
  }
  return Done{};
}

nlohmann::json ToJson(const std::vector<Feature>& features) {
  nlohmann::json json = nlohmann::json::array();
  for (const Feature& feature : features) {
    nlohmann::json& one = json.emplace_back();
    one = {{"name", feature.name}, {"kind", NameOf(feature.kind)}};
    if (feature.kind == FeatureKind::kText) one["categories"] = feature.categories;
  }
  return json;
}

std::vector<Feature> FeaturesFromJson(const nlohmann::json& json) {
  std::vector<Feature> features;
  for (const nlohmann::json& one : json) {
    Feature& feature = features.emplace_back();
    feature.name = one.at("name");
    if (one.at("kind") == NameOf(FeatureKind::kText)) {
      feature.kind = FeatureKind::kText;
      feature.categories = one.value("categories", std::vector<std::string>());
    }
  }
  return features;
}

}  // namespace afluente::inference
