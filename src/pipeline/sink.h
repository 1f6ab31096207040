// Where rows go.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/batch.h"
#include "data/dead_letter.h"
#include "data/position.h"

namespace afluente::pipeline {

/// What a commit did.
struct Committed {
  std::uint64_t rows_written = 0;
  std::uint64_t dead_letters = 0;  // Of the sink; the source's are counted by Run.
  /// "column plan: added", one each: said in the log and in the run's record.
  std::vector<std::string> schema_changes;
};

/// One run's way into a destination. Nothing is visible to readers before
/// Commit, or, with a sink that delivers in pieces, before Deliver; destroying
/// an uncommitted sink leaves the destination untouched.
class Sink {
 public:
  virtual ~Sink() = default;

  /// The position stored with the data at the destination; nullopt: none yet.
  /// kInternal with a cure when the checkpoint cannot be understood.
  virtual Result<std::optional<data::Position>> Stored() = 0;

  /// Checks that rows of `schema` fit the destination, as the integration's
  /// on_schema_change says, and makes room to stage them.
  virtual Status Prepare(const data::Schema& schema, std::uint64_t estimated_rows) = 0;

  /// Drains a lane into the stage. Called once a lane, from several threads.
  virtual Status Load(data::BatchReader& lane, const std::stop_token& stop) = 0;

  /// For destinations that take many commits: brings what was loaded there, in
  /// pieces that are each complete. Called once, when every lane is drained.
  /// kCancelled promptly after `stop` fires; the next run goes on from there.
  virtual Status Deliver(const std::stop_token& stop) {
    (void)stop;
    return Done{};
  }

  /// Publishes what was loaded together with `end` and the rows that were set
  /// aside, in one commit.
  virtual Result<Committed> Commit(const data::Position& end,
                                   const std::vector<data::DeadLetter>& dead_letters) = 0;
};

}  // namespace afluente::pipeline
