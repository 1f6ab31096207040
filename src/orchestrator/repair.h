// A followed table that may differ from its source, repaired in one commit: only rows that differ
// are written.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "comparison/differing_rows.h"
#include "comparison/table_pair.h"
#include "connectors/duckdb/copy_form.h"
#include "connectors/duckdb/warehouse.h"
#include "data/position.h"
#include "pipeline/progress.h"

namespace afluente::orchestrator {

/// What a repair did.
struct Repaired {
  /// Why the table is to be copied instead; "": it was repaired.
  std::string copy_instead;
  std::uint64_t compared = 0;         // Rows of the source.
  comparison::DifferenceCounts rows;  // Each was repaired.
  std::uint64_t dead_letters = 0;     // Of them: could not be converted.
};

/// Compares `pair`, whose source is read as of `moment`, and brings the table
/// level with it; then it stands at `position`, also when nothing differed.
/// `pair`'s connections are used up.
///
/// Nothing is passed over: a table with a column that cannot be compared by value,
/// without a key, or whose columns are not the source's is to be copied, and so is
/// one of which more than a fifth of the rows differ: that is cheaper.
/// Memory is bounded: by the number of rows that differ, a few bytes each.
/// Errors: of both systems, then nothing has changed; kCancelled when `stop` fires.
Result<Repaired> RepairTable(duck::Warehouse& warehouse, comparison::TablePair& pair,
                             const duck::CopyMoment& moment, const data::Position& position,
                             pipeline::Progress& progress, const std::stop_token& stop);

/// "3 missing, 1 extra, 2 different".
std::string Told(const comparison::DifferenceCounts& rows);

}  // namespace afluente::orchestrator
