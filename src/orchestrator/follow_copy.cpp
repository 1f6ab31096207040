// The first copy of tables that are followed: a part of FollowGroup.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <utility>

#include "connectors/duckdb/begun_copy.h"
#include "connectors/duckdb/table_sink.h"
#include "connectors/postgres/replication/change_stream.h"
#include "connectors/postgres/replication/slot.h"
#include "connectors/postgres/replication/wal_connection.h"
#include "connectors/postgres/source.h"
#include "orchestrator/follow_origin.h"
#include "orchestrator/follow_prepared.h"
#include "orchestrator/kill_point.h"
#include "pipeline/run.h"
#include "pipeline/shaping.h"

namespace afluente::orchestrator {

using postgres::Lsn;

namespace {

struct ServerMoment {
  WallTime at{};
  std::uint32_t since = 0;  // The oldest transaction that has not ended.
};

Result<ServerMoment> ReadServerMoment(PGconn* catalog) {
  AFL_ASSIGN(const postgres::QueryResult row,
             postgres::Query(catalog,
                             "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, "
                             "txid_snapshot_xmin(txid_current_snapshot()) & 4294967295"));
  return ServerMoment{WallTime(std::chrono::microseconds(std::atoll(PQgetvalue(row.get(), 0, 0)))),
                      static_cast<std::uint32_t>(std::atoll(PQgetvalue(row.get(), 0, 1)))};
}

// The integration as it would be if it moved what identifies its rows alone; nullopt: they
// are not identified, or not by what arrives.
std::optional<estate::Integration> KeysAlone(const estate::Integration& integration,
                                             const postgres::ReplicaIdentity& identity) {
  if (identity.columns.empty() || identity.is_full()) return std::nullopt;
  estate::Integration keys = integration;
  keys.columns.clear();
  keys.destination.key.clear();
  keys.parallel = 1;
  for (const std::string& column : identity.columns) {
    estate::ColumnRule& rule = keys.columns[column];
    const auto told = integration.columns.find(column);
    if (told != integration.columns.end()) rule = told->second;
    if (rule.exclude || rule.mask || !rule.type.empty()) return std::nullopt;
    rule.include = true;
    keys.destination.key.push_back(pipeline::ArrivesAs(column, integration));
  }
  return keys;
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

// What was asked to be copied again is; so is what does not arrive as it is read, or by a
// condition, which may have another answer now for a row that did not change.
Status FollowGroup::FindBegun(Prepared& prepared, const std::set<std::string>& resync) const {
  for (const estate::Integration* integration : NotCopied(prepared)) {
    const std::string& name = integration->name;
    const bool is_new = !resync.contains(name) && !prepared.repairs.contains(name);
    const bool may_go_on = !IsWatch(*integration) && !integration->FollowsInsertsOnly() &&
                           integration->form == estate::Form::kMirror &&
                           integration->transform.empty() && integration->where.empty() &&
                           integration->on_bad_row == estate::OnBadRow::kFail;
    if (!is_new || !may_go_on) continue;
    AFL_ASSIGN(const auto identity,
               postgres::ReadIdentity(prepared.catalog.get(), prepared.relations.at(name)));
    auto keys = KeysAlone(*integration, identity);
    if (!keys) continue;
    prepared.keys_alone.emplace(name, *std::move(keys));
    AFL_ASSIGN(auto copy, duck::FindBegunCopy(context_.warehouse, *integration));
    if (!copy) continue;
    const auto since = SinceOf(copy->origin, *integration, prepared.states.at(name));
    if (since) prepared.begun[name] = {*since, *std::move(copy)};
  }
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
  AFL_ASSIGN(const ServerMoment before, ReadServerMoment(catalog));
  AFL_ASSIGN(const postgres::NewSlot slot,
             wal->CreateSlot(temporary ? slot_.substr(0, 50) + "_copy" : slot_, temporary, stop));
  for (const estate::Integration* integration : missing) {
    if (IsWatch(*integration)) {
      AFL_TRY(BeginWatch(prepared, *integration, slot.consistent_point));
      continue;
    }
    const Moment moment{
        {slot.snapshot_id, postgres::ToPosition(slot.consistent_point)}, before.at, before.since};
    prepared.culprit = integration->name;
    if (prepared.repairs.contains(integration->name)) {
      AFL_ASSIGN(const RepairEnd end, RepairAtMoment(prepared, *integration, moment, hooks, stop));
      if (end != RepairEnd::kCopy) continue;
    }
    AFL_TRY(CopyTable(prepared, *integration, moment, hooks, stop));
  }
  prepared.culprit.clear();
  return Done{};
}

Status FollowGroup::CopyTable(Prepared& prepared, const estate::Integration& integration,
                              Moment moment, const Hooks& hooks, const std::stop_token& stop) {
  const std::string& name = integration.name;
  pipeline::Progress& progress = hooks.progress_of(name);
  const auto open = [&] {
    return postgres::OpenSource(prepared.endpoint, integration, std::nullopt, progress,
                                &moment.snapshot);
  };
  const auto read_state = [&] {
    return postgres::ReadTableState(prepared.catalog.get(), prepared.relations.at(name));
  };
  AFL_ASSIGN(auto source, open());
  AFL_ASSIGN(auto locked, read_state());
  if (locked != prepared.states[name]) {
    prepared.begun.erase(name);
    return Done{};
  }
  AFL_ASSIGN(auto copy, CopyMomentOf(prepared, integration, moment));
  const auto keys = prepared.keys_alone.find(name);
  if (keys != prepared.keys_alone.end()) {
    copy.origin = OriginOf(integration, locked, moment.since);
  }
  if (const auto begun = prepared.begun.find(name); begun != prepared.begun.end()) {
    const duck::BegunCopy& parts = begun->second.copy;
    AFL_ASSIGN(const std::string shape,
               duck::CopyShape(context_.warehouse, integration, source->schema()));
    if (shape == parts.shape) {
      spdlog::info("{}: goes on with a copy that was cut off; {} parts of it are there", name,
                   parts.parts.size());
      moment.snapshot.read_before = {parts.parts, begun->second.since, true};
      // Its lock goes first: behind somebody who waits for it, another of ours would wait
      // for ever.
      source.reset();
      pipeline::Progress of_keys;
      AFL_ASSIGN(auto still_there, postgres::OpenSource(prepared.endpoint, keys->second,
                                                        std::nullopt, of_keys, &moment.snapshot));
      AFL_TRY(duck::KeepOnly(context_.warehouse, integration,
                             {keys->second, std::move(still_there)}, stop));
      moment.snapshot.read_before->only_unchanged = false;
      AFL_ASSIGN(source, open());
      AFL_ASSIGN(locked, read_state());
      if (locked != prepared.states[name]) {
        prepared.begun.erase(begun);
        return Done{};
      }
      copy.goes_on = true;
    }
  }
  const auto at_step = KillPointOfEnvironment();
  std::mutex steps;
  copy.on_part_kept = [&] {
    const std::lock_guard lock(steps);
    at_step("copy_part_kept");
  };
  // As it is known now, and before a table that stands here from before it was written
  // anew: one that is cut off is noticed again.
  const bool is_first = !prepared.stored.contains(name);
  if (is_first) AFL_TRY(context_.events.SetTableState(name, locked.ToJson()));
  AFL_ASSIGN(const auto sink, duck::OpenCopySink(context_.warehouse, integration, std::move(copy)));
  AFL_ASSIGN(const auto nothing, sink->Stored());
  AFL_ASSIGN(const auto copied, pipeline::Run(*source, *sink, progress, stop).Within([&] {
    return "integration " + name;
  }));
  if (!is_first) AFL_TRY(context_.events.SetTableState(name, locked.ToJson()));
  prepared.begun.erase(name);
  spdlog::info("{}: copied {} rows", name, copied.rows_written);
  if (copied.dead_letters > 0) hooks.on_copied_with_dead_letters(name, copied.dead_letters);
  AFL_ASSIGN(prepared.positions[name], postgres::ParsePosition(moment.snapshot.position));
  return Done{};
}

}  // namespace afluente::orchestrator
