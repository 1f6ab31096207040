// Arms of an experiment: which row gets which, so that they are balanced in every stratum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace afluente::inference {

struct Arm {
  std::string name;
  double weight = 0;  // Its share; those of all arms sum to 1.
};

/// How many of `rows` rows each arm gets: its share, rounded down or up. `phase` in [0, 1) decides
/// which are rounded up: over many strata with phases of their own no arm is favoured.
/// Source: systematic sampling (Madow, 1949).
std::vector<std::uint64_t> TargetsOf(const std::vector<Arm>& arms, std::uint64_t rows,
                                     double phase);

/// The arms of the new rows of one stratum, in their order. Where every row is new the counts end
/// at the targets; else those are filled first that have the most to get.
class ArmSequence {
 public:
  /// `taken`: rows that keep their arm, by arm; `fresh`: how many new ones there are.
  ArmSequence(const std::vector<Arm>& arms, double phase, const std::vector<std::uint64_t>& taken,
              std::uint64_t fresh);
  /// The index of the next row's arm.
  std::size_t Next();

 private:
  const std::vector<Arm>& arms_;
  std::vector<double> lacking_;
};

/// What the workers of a split are to assign. It stands beside the shards as `spec.json`.
struct AssignSpec {
  std::string experiment;
  std::vector<Arm> arms;
  std::vector<std::string> key;
  std::vector<std::string> strata;
  std::string assigned_at;  // RFC 3339; of rows that are new.
};

nlohmann::json ToJson(const AssignSpec& spec);
/// Throws nlohmann::json::exception for anything that ToJson did not make.
AssignSpec AssignSpecFromJson(const nlohmann::json& json);

/// Columns of a shard beside key and strata.
inline constexpr const char* kStratumColumn = "_afluente_stratum";  // VARCHAR: its values.
/// BIGINT: the place among the new rows of the stratum over all shards; NULL: it keeps its arm.
inline constexpr const char* kRankColumn = "_afluente_rank";
inline constexpr const char* kKeptColumn = "_afluente_kept";    // VARCHAR: the arm that it keeps.
inline constexpr const char* kSinceColumn = "_afluente_since";  // TIMESTAMPTZ: since when.
/// Columns of strata.parquet, a row a stratum, beside kStratumColumn.
inline constexpr const char* kPhaseColumn = "phase";  // DOUBLE, of TargetsOf.
inline constexpr const char* kFreshColumn = "fresh";  // BIGINT: new rows.
inline constexpr const char* kTakenColumn = "taken";  // BIGINT[]: rows that keep their arm, by arm.

/// Columns of the result beside key and strata.
inline constexpr const char* kArmColumn = "arm";
inline constexpr const char* kExperimentColumn = "experiment";
inline constexpr const char* kAssignedColumn = "assigned_at";

/// Reads the shard `input` with spec.json and strata.parquet beside it, and writes key, strata,
/// arm, experiment and assigned_at into `output` (Parquet), in the order of the key. The arm of a
/// row depends on its stratum and rank alone, not on how many shards there are. The work of a child
/// process. Errors: kInternal for files that cannot be read or written.
Status Assign(const std::filesystem::path& input, const std::filesystem::path& output);

}  // namespace afluente::inference
