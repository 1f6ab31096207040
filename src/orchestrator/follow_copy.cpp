// The first copy of tables that are followed: a part of FollowGroup.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "connectors/duckdb/table_sink.h"
#include "connectors/postgres/replication/change_stream.h"
#include "connectors/postgres/replication/slot.h"
#include "connectors/postgres/replication/wal_connection.h"
#include "connectors/postgres/source.h"
#include "orchestrator/follow_prepared.h"
#include "pipeline/run.h"
#include "pipeline/shaping.h"

namespace afluente::orchestrator {

using postgres::Lsn;

namespace {

Result<WallTime> ServerTime(PGconn* catalog) {
  AFL_ASSIGN(
      const postgres::QueryResult row,
      postgres::Query(catalog, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"));
  return WallTime(std::chrono::microseconds(std::atoll(PQgetvalue(row.get(), 0, 0))));
}

}  // namespace

std::vector<const estate::Integration*> FollowGroup::NotCopied(const Prepared& prepared) const {
  std::vector<const estate::Integration*> missing;
  for (const estate::Integration* integration : integrations_) {
    if (!prepared.positions.contains(integration->name)) missing.push_back(integration);
  }
  return missing;
}

// What it triggers begins with everything.
Status FollowGroup::BeginWatch(Prepared& prepared, const estate::Integration& watch, Lsn from) {
  EventStore::Batch first;
  first.everything.insert(watch.name);
  first.positions[watch.name] = postgres::ToPosition(from);
  AFL_TRY(context_.events.Record(first));
  AFL_TRY(context_.events.SetTableState(watch.name, prepared.states[watch.name].ToJson()));
  prepared.positions[watch.name] = from;
  return Done{};
}

Status FollowGroup::CopyTables(Prepared& prepared, const Hooks& hooks,
                               const std::stop_token& stop) {
  constexpr int kRounds = 3;
  for (int round = 0; round < kRounds; ++round) {
    const auto missing = NotCopied(prepared);
    if (missing.empty()) return Done{};
    AFL_TRY(CopyAtOneMoment(prepared, missing, hooks, stop));
  }
  const auto missing = NotCopied(prepared);
  if (missing.empty()) return Done{};
  prepared.culprit = missing.front()->name;
  return Error(ErrorKind::kTransient,
               fmt::format("integration {}: table {} was truncated or written anew each time it "
                           "was to be copied",
                           prepared.culprit, missing.front()->source.table));
}

// The snapshot comes with the slot, the lock with each table's copy. A table that
// was written anew in between looks empty to the snapshot, and the stream does not
// send what was written: it is left for another round. One lock over all tables
// from before the slot would keep ALTER TABLE, and everybody behind it, waiting
// until the last of them is copied.
Status FollowGroup::CopyAtOneMoment(Prepared& prepared,
                                    const std::vector<const estate::Integration*>& missing,
                                    const Hooks& hooks, const std::stop_token& stop) {
  PGconn* catalog = prepared.catalog.get();
  for (const estate::Integration* integration : missing) {
    AFL_ASSIGN(prepared.states[integration->name],
               postgres::ReadTableState(catalog, prepared.relations.at(integration->name)));
  }
  // A slot that exists goes on; a temporary one shows where the copy stands in it.
  AFL_ASSIGN(const auto wal, postgres::WalConnection::Open(prepared.endpoint));
  const bool temporary = std::exchange(prepared.slot_exists, true);
  // Before the snapshot: no change that follows was committed earlier.
  AFL_ASSIGN(const WallTime taken_at, ServerTime(catalog));
  AFL_ASSIGN(const postgres::NewSlot slot,
             wal->CreateSlot(temporary ? slot_.substr(0, 50) + "_copy" : slot_, temporary, stop));
  for (const estate::Integration* integration : missing) {
    if (IsWatch(*integration)) {
      AFL_TRY(BeginWatch(prepared, *integration, slot.consistent_point));
      continue;
    }
    const postgres::SharedSnapshot snapshot{slot.snapshot_id,
                                            postgres::ToPosition(slot.consistent_point)};
    pipeline::Progress& progress = hooks.progress_of(integration->name);
    prepared.culprit = integration->name;
    if (prepared.repairs.contains(integration->name)) {
      AFL_ASSIGN(const RepairEnd end,
                 RepairAtMoment(prepared, *integration, {snapshot, taken_at}, hooks, stop));
      if (end != RepairEnd::kCopy) continue;
    }
    AFL_ASSIGN(const auto source, postgres::OpenSource(prepared.endpoint, *integration,
                                                       std::nullopt, progress, &snapshot));
    AFL_ASSIGN(const auto locked,
               postgres::ReadTableState(catalog, prepared.relations.at(integration->name)));
    if (locked != prepared.states[integration->name]) continue;
    AFL_TRY(context_.events.SetTableState(integration->name, locked.ToJson()));
    AFL_ASSIGN(auto copy_moment, CopyMomentOf(prepared, *integration, {snapshot, taken_at}));
    AFL_ASSIGN(const auto sink,
               duck::OpenCopySink(context_.warehouse, *integration, std::move(copy_moment)));
    AFL_ASSIGN(const auto nothing, sink->Stored());
    AFL_ASSIGN(const auto copied, pipeline::Run(*source, *sink, progress, stop).Within([&] {
      return "integration " + integration->name;
    }));
    spdlog::info("{}: copied {} rows", integration->name, copied.rows_written);
    if (copied.dead_letters > 0) {
      hooks.on_copied_with_dead_letters(integration->name, copied.dead_letters);
    }
    prepared.positions[integration->name] = slot.consistent_point;
  }
  prepared.culprit.clear();
  return Done{};
}

}  // namespace afluente::orchestrator
