// Watched tables: whose changes trigger integrations, and how these changes become events.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/warehouse.h"
#include "connectors/postgres/catalog.h"
#include "estate/estate.h"
#include "orchestrator/event_store.h"
#include "pipeline/changes.h"

namespace afluente::orchestrator {

/// A table that is followed for the sake of the integration that it triggers.
struct Watch {
  const estate::Integration* triggered = nullptr;
  /// Stands for the table among those that are followed, under the same name.
  estate::Integration followed;
  /// Events name keys of the triggered integration; otherwise only that
  /// something changed.
  bool by_key = false;

  const std::string& name() const { return followed.name; }
};

/// An integration that fetches single rows: mode event, into a keyed table of the warehouse.
bool FetchesByKey(const estate::Integration& integration);

/// The tables of `connection` that trigger integrations, in order of the
/// integrations' names. Those of mode cdc follow anyway.
std::vector<Watch> WatchesOf(const estate::Estate& estate, const std::string& connection);

/// Asks the catalog what identifies the rows of each table, which is all that is
/// read of them. A table that is not there stays as it is.
Status FitWatches(PGconn* catalog, std::vector<Watch>& watches);

/// Records changes of watched tables as events, before `next` gets all others.
/// `watches`, `events` and `warehouse` are borrowed.
std::unique_ptr<pipeline::ChangeSink> MakeWatchSink(const std::vector<Watch>& watches,
                                                    EventStore& events, duck::Warehouse& warehouse,
                                                    bool next_has_tables,
                                                    std::unique_ptr<pipeline::ChangeSink> next);

}  // namespace afluente::orchestrator
