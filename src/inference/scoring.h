// A version of a model at work: rows of a table become scores.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "data/duckdb_api.h"
#include "estate/address.h"
#include "inference/engine.h"
#include "inference/features.h"

namespace afluente::inference {

/// A version, loaded. One thread at a time.
struct LoadedModel {
  std::string version;
  FeaturePlan plan;
  std::unique_ptr<Model> model;
};

/// `folder`: of model_versions.h; `version` "": the newest. Errors: kNotFound with the cure,
/// kSchemaMismatch for a format of a newer afluente, kInternal for damaged files.
Result<LoadedModel> LoadModel(const std::filesystem::path& folder, const std::string& version);

struct Scored {
  std::uint64_t rows = 0;
  double sum = 0;  // Of all scores.
};

/// Runs `select` on `reader` and appends its first `columns` columns to `stage` through `writer`,
/// the one at `score` (a DOUBLE) filled with the model's probability; the columns of the model's
/// plan follow them in the SELECT. Rows go through in chunks: memory does not grow with them.
/// Errors: DuckDB's and the engine's; kCancelled on `stop`.
Result<Scored> ScoreRows(duckdb_connection reader, const std::string& select,
                         duckdb_connection writer, const estate::TableAddress& stage,
                         std::size_t columns, std::size_t score, const LoadedModel& model,
                         const std::stop_token& stop);

}  // namespace afluente::inference
