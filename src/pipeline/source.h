// Where rows come from.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>

#include "base/result.h"
#include "data/batch.h"
#include "data/dead_letter.h"
#include "data/position.h"

namespace afluente::pipeline {

/// One consistent read of a source, split into lanes that run side by side.
/// Opened by a connector; all lanes together yield every row exactly once.
class Source {
 public:
  virtual ~Source() = default;

  /// The columns of every batch. Fixed for the life of the source.
  virtual const data::Schema& schema() const = 0;
  /// How many lanes to open; 0: nothing new since the position it started at.
  virtual int lanes() const = 0;
  /// Lanes are to be drained one after the other, since their order counts.
  virtual bool in_order() const { return false; }
  /// For progress; 0 when unknown.
  virtual std::uint64_t estimated_rows() const = 0;
  /// What the destination has reached once every lane is drained.
  virtual data::Position end() const = 0;
  /// Rows that were set aside so far; complete once every lane is drained.
  virtual std::vector<data::DeadLetter> dead_letters() const = 0;

  /// Opens one lane; lanes share the work, whoever is free takes the next
  /// part. Thread-safe. Readers return kCancelled promptly after `stop` fires
  /// and must not outlive the source.
  virtual Result<std::unique_ptr<data::BatchReader>> OpenLane(const std::stop_token& stop) = 0;
};

}  // namespace afluente::pipeline
