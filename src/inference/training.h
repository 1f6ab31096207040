// Fits a model on examples in a Parquet file, and measures it on examples it has not seen. The work
// of a child process.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inference/features.h"

namespace afluente::inference {

/// Which part an example belongs to, in column kPartColumn.
enum class Part : std::uint8_t {
  kTrain,
  kValidation,  // When to stop.
  kHoldout,     // How good it is; looked at once, at the end.
};

/// The columns of the file before the features. Rows stand in the order of their key.
inline constexpr const char* kPartColumn = "_afluente_part";    // TINYINT, of Part.
inline constexpr const char* kLabelColumn = "_afluente_label";  // FLOAT, 0 or 1.

/// What an engine is to learn. It stands beside the Parquet file as `spec.json`.
struct TrainSpec {
  std::string engine;
  std::string label;
  std::vector<Feature> features;  // Without categories.
  int rounds = 0;
  std::map<std::string, std::string> parameters;
};

nlohmann::json ToJson(const TrainSpec& spec);
/// Throws nlohmann::json::exception for anything that ToJson did not make.
TrainSpec TrainSpecFromJson(const nlohmann::json& json);

/// Files of a version of a model.
inline constexpr const char* kModelBytes = "model.bin";      // What the engine made.
inline constexpr const char* kModelDocument = "model.json";  // Engine, label, features.
inline constexpr const char* kMetrics = "metrics.json";      // What was measured.

/// Reads `folder`/spec.json and `folder`/examples.parquet and writes the three files of a version
/// into `out`. The same input gives the same bytes. Categories and baseline are learned on the
/// training part alone.
/// Errors: kInternal for files that cannot be read or written; the engine's.
Status Train(const std::filesystem::path& folder, const std::filesystem::path& out);

}  // namespace afluente::inference
