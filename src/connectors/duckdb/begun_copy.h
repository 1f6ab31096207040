// What a copy that was cut off has left in its stage.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/warehouse.h"
#include "data/batch.h"
#include "data/duckdb_api.h"
#include "estate/estate.h"
#include "pipeline/source.h"

namespace afluente::duck {

/// A copy whose parts are kept as they come, in a table beside the stage, in the
/// transactions that hold their rows.
struct BegunCopy {
  std::string origin;  // As whoever began it named what it reads.
  std::string shape;   // CopyShape when it began.
  std::vector<std::string> parts;
};

/// The stage of `table`: "_afluente_stage_t" in its dataset.
estate::TableAddress StageOf(estate::TableAddress table);

/// The keys of the stage's rows that the source still has as they are.
struct StillThere {
  estate::Integration integration;  // As it would be if it moved the key alone.
  std::unique_ptr<pipeline::Source> source;
};

/// What is kept of a copy of `integration`; nullopt: nothing, or a stage that does not
/// hold what it should.
Result<std::optional<BegunCopy>> FindBegunCopy(Warehouse& warehouse,
                                               const estate::Integration& integration);

/// How rows of `schema` become rows of the stage, as text: a stage of another shape is of
/// no use. Errors: of ShapedRows::Prepare.
Result<std::string> CopyShape(Warehouse& warehouse, const estate::Integration& integration,
                              const data::Schema& schema);

/// Begins, once the stage is there and empty. What was kept before is to be forgotten before
/// the stage is made: a crash in between leaves a stage that nobody goes on with.
Status BeginCopy(duckdb_connection connection, const estate::Integration& integration,
                 const std::string& origin, const std::string& shape);

/// Inside the transaction that wrote the part's rows. "": rows that came again, or, below
/// zero, went.
Status KeepPart(duckdb_connection connection, const estate::Integration& integration,
                const std::string& part, std::int64_t rows);

/// Takes the rows out of the stage that are not among those that are still there.
/// Errors: of the parts; kCancelled when `stop` fires.
Status KeepOnly(Warehouse& warehouse, const estate::Integration& integration,
                const StillThere& still_there, const std::stop_token& stop);

/// Before the stage is made anew, or inside the transaction that publishes it.
Status ForgetCopy(duckdb_connection connection, const estate::Integration& integration);

}  // namespace afluente::duck
