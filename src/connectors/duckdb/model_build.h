// One run of one model: its SELECT becomes a table or view of the warehouse, if its tests allow it.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "connectors/duckdb/warehouse.h"
#include "estate/estate.h"
#include "estate/model_values.h"
#include "pipeline/progress.h"

namespace afluente::duck {

struct ModelBuilt {
  std::uint64_t rows = 0;                   // Of the result; 0 for a view.
  std::vector<std::string> schema_changes;  // For people: "column plan: added (VARCHAR)".
  std::vector<std::string> warnings;        // Tests of severity warn that failed.
};

/// Runs the model's SELECT into a stage; then, in one transaction, puts the result into its place,
/// runs the data tests on it as readers would see it, and writes down how far the model has come.
/// Whatever fails, a test too, leaves everything as it was. A new table keeps the comments of the
/// columns that the old one had.
///
/// The run's interval ends at `now` and begins where that of the last run ended that was
/// published; the first one begins in 1970.
/// With `only`, the run is of that interval alone, whatever was published before or since, and how
/// far the model has come stays as it is.
/// Errors: kConversion for a failed test or rows that share a key, kNotFound for a table that is
/// not there yet (with the job that makes it), kSchemaMismatch when an incremental model has
/// another shape than its table, kCancelled on `stop`; DuckDB's.
Result<ModelBuilt> BuildModel(Warehouse& warehouse, const estate::Estate& estate,
                              const estate::Model& model, bool full_refresh, WallTime now,
                              pipeline::Progress& progress, const std::stop_token& stop,
                              const std::optional<estate::Interval>& only = std::nullopt);

}  // namespace afluente::duck
