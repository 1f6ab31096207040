// The first piece of a split: a table becomes shards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "data/duckdb_api.h"
#include "inference/assignment.h"
#include "orchestrator/tasks/learning.h"

namespace afluente::orchestrator {

/// The file of a shard.
std::string ShardFile(int shard);

/// The arms of an assignment, their weights as shares that sum to 1, in the order of their names.
std::vector<inference::Arm> ArmsOf(const estate::Assignment& assign);

/// Writes a Parquet file a shard into `folder`: shard-0.parquet and so on. Rows with equal keys are
/// in one shard. With `assign`, spec.json and strata.parquet stand beside them
/// (inference/assignment.h), and keys that have an arm of this experiment in the lake keep it.
/// `lake`: the folder of split.into. Returns how many rows there are. Errors: kNotFound for a
/// column that is not there; kConversion for keys that repeat, with `assign`; DuckDB's.
Result<std::uint64_t> ExportShards(duckdb_connection connection, const estate::SplitTask& split,
                                   const estate::TemplateValues& values, WallTime nominal,
                                   const std::filesystem::path& lake,
                                   const std::filesystem::path& folder);

}  // namespace afluente::orchestrator
