// A warehouse table as a Sink.
#pragma once

#include <memory>

#include "connectors/duckdb/copy_form.h"
#include "connectors/duckdb/warehouse.h"
#include "estate/estate.h"
#include "pipeline/sink.h"

namespace afluente::duck {

/// Writes `integration`'s destination table in `warehouse`, whose files must
/// include the destination's project. `full_refresh` replaces the table even
/// where the integration appends or upserts. Borrows both.
///
/// How: lanes fill a stage table in the destination's file, in transactions of
/// their own; Commit renames it into place or merges it by key, with the
/// checkpoint in the same transaction. No primary-key index is kept: a hash
/// join finds the keys 30 times faster.
Result<std::unique_ptr<pipeline::Sink>> OpenTableSink(Warehouse& warehouse,
                                                      const estate::Integration& integration,
                                                      bool full_refresh);

/// The same for the copy that a followed table begins with, or begins anew with:
/// what stands there is replaced, but for what the integration's form keeps.
Result<std::unique_ptr<pipeline::Sink>> OpenCopySink(Warehouse& warehouse,
                                                     const estate::Integration& integration,
                                                     CopyMoment moment);

}  // namespace afluente::duck
