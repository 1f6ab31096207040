// Positions and dead letters, stored in the warehouse file that holds the data they belong to.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "data/dead_letter.h"
#include "data/duckdb_api.h"
#include "data/position.h"
#include "estate/estate.h"

namespace afluente::duck {

/// What a checkpoint belongs to: the project whose file holds it, and the
/// destination's name. A warehouse table is both at once.
struct CheckpointPlace {
  // NOLINTNEXTLINE(google-explicit-constructor): a table is a place.
  CheckpointPlace(const estate::TableAddress& table)
      : project(table.project), destination(table.ToString()) {}
  CheckpointPlace(std::string file_of, std::string name)
      : project(std::move(file_of)), destination(std::move(name)) {}

  std::string project;
  std::string destination;
};

/// The position of `integration` at `place`; nullopt: none.
/// Errors: kInternal with the cure when there are several or it is no text.
Result<std::optional<data::Position>> ReadCheckpoint(duckdb_connection connection,
                                                     const CheckpointPlace& place,
                                                     const std::string& integration);

/// Replaces it (delete + insert: an UPDATE would keep old versions alive while
/// somebody reads). Belongs inside the transaction that publishes the data.
Status WriteCheckpoint(duckdb_connection connection, const CheckpointPlace& place,
                       const std::string& integration, const data::Position& position);

/// The same for several integrations with one destination each, all at
/// `position`, in two statements.
Status WriteCheckpoints(duckdb_connection connection,
                        const std::vector<const estate::Integration*>& integrations,
                        const data::Position& position);

/// Adds to the project's dead letters; the same transaction.
Status WriteDeadLetters(duckdb_connection connection, const CheckpointPlace& place,
                        const std::string& integration,
                        const std::vector<data::DeadLetter>& dead_letters);

/// Those of `letters` that do not stand there yet with the same key, reason and row:
/// who finds a row again and again tells of it once.
Result<std::vector<data::DeadLetter>> NotYetTold(duckdb_connection connection,
                                                 const CheckpointPlace& place,
                                                 const std::string& integration,
                                                 std::vector<data::DeadLetter> letters);

}  // namespace afluente::duck
