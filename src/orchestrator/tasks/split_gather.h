// The last piece of a split: what the shards left becomes one set of files in the lake.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/duckdb_api.h"
#include "estate/dag.h"

namespace afluente::orchestrator {

/// What one shard left.
struct ShardOutput {
  std::filesystem::path file;
  std::string name;  // In the lake: no other attempt of any run has it.
};

struct Gathered {
  std::uint64_t rows = 0;
  std::string report;  // JSON: rows by shard; with `assign`, the balance of the arms.
};

/// Puts the files into `lake` and commits them with one manifest, in the place of what was there.
/// `position` tells this set of outputs from any other: when the manifest has it already, nothing
/// is written, and the report is made of what stands there.
/// Errors: kSchemaMismatch for shards with other columns than the first; kConversion for a
/// shard of an assignment with other rows than it was given; kInternal of the file system.
Result<Gathered> Gather(duckdb_connection connection, const estate::SplitTask& split,
                        const std::string& task, const std::string& position,
                        const std::vector<ShardOutput>& outputs,
                        const std::vector<std::uint64_t>& expected_rows,
                        const std::filesystem::path& lake);

/// Whether the manifest of `lake` has that position. Errors: of lake::ReadManifest.
Result<bool> IsGathered(const std::filesystem::path& lake, const std::string& position);

}  // namespace afluente::orchestrator
