// A PostgreSQL table or query as a Source.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/libpq.h"
#include "data/position.h"
#include "estate/estate.h"
#include "pipeline/progress.h"
#include "pipeline/source.h"

namespace afluente::postgres {

/// What an earlier read of a table, that was cut off, has taken already.
struct ReadParts {
  std::vector<std::string> names;  // As BatchReader::TakePart told them.
  /// The oldest transaction that had not ended then: in those parts, rows that it or a
  /// younger one has written are read again, the others are not.
  std::uint32_t since = 0;
  bool only_unchanged = false;  // Only those others, nothing else.
};

/// A snapshot that another session holds, and what a read of it reaches.
struct SharedSnapshot {
  std::string id;  // As pg_export_snapshot() or a new slot names it.
  data::Position position;
  std::optional<ReadParts> read_before = std::nullopt;
};

/// Opens one REPEATABLE READ snapshot of what `integration` reads and plans
/// its lanes: ranges of ctid for tables, one statement for views, queries and
/// increments.
///
/// `from` is the stored position; nullopt reads everything. Mode incremental
/// reads rows whose cursor lies in (from - lookback, end], where end is the
/// greatest cursor in the snapshot. With `shared` everything is read as of that
/// snapshot, which must stay exported until the last lane is open.
/// Errors: kNotFound for tables and columns (with the nearest name),
/// kUnauthorized, kTransient, kInternal for a position it cannot understand.
Result<std::unique_ptr<pipeline::Source>> OpenSource(const Endpoint& endpoint,
                                                     const estate::Integration& integration,
                                                     const std::optional<data::Position>& from,
                                                     pipeline::Progress& progress,
                                                     const SharedSnapshot* shared = nullptr);

}  // namespace afluente::postgres
