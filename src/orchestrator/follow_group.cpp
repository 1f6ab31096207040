#include "orchestrator/follow_group.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "connectors/duckdb/change_sink.h"
#include "connectors/duckdb/table_sink.h"
#include "connectors/postgres/replication/change_stream.h"
#include "connectors/postgres/replication/slot.h"
#include "connectors/postgres/source.h"
#include "connectors/registry.h"
#include "pipeline/run.h"
#include "pipeline/shaping.h"

namespace afluente::orchestrator {

using postgres::Lsn;

std::vector<const estate::Integration*> CdcIntegrations(const estate::Estate& estate,
                                                        const std::string& connection) {
  std::vector<const estate::Integration*> found;
  for (const auto& [name, integration] : estate.integrations) {
    const bool is_followed =
        integration.mode == estate::Mode::kCdc && integration.source.connection == connection;
    if (is_followed) found.push_back(&integration);
  }
  return found;
}

namespace {

Result<WallTime> ServerTime(PGconn* catalog) {
  AFL_ASSIGN(
      const postgres::QueryResult row,
      postgres::Query(catalog, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"));
  return WallTime(std::chrono::microseconds(std::atoll(PQgetvalue(row.get(), 0, 0))));
}

// What identifies the rows of `integration`, as it arrives.
Result<std::vector<std::string>> ArrivingKey(PGconn* catalog,
                                             const postgres::RelationName& relation,
                                             const estate::Integration& integration) {
  if (!integration.destination.key.empty()) return integration.destination.key;
  AFL_ASSIGN(const auto identity, postgres::ReadIdentity(catalog, relation));
  std::vector<std::string> key = identity.columns;
  for (std::string& column : key) column = pipeline::ArrivesAs(column, integration);
  return key;
}

// The log's places are multiples of 8: the one before stands for the copy alone.
std::string PlaceBefore(Lsn lsn) { return Lsn{lsn.value - 1}.ToSortableString(); }

}  // namespace

struct FollowGroup::Prepared {
  postgres::Endpoint endpoint;
  postgres::Connection catalog;
  std::unique_ptr<pipeline::ChangeSink> sink;
  std::map<std::string, postgres::RelationName> relations;  // By integration.
  std::map<std::string, Lsn> positions;                     // By integration.
  bool slot_exists = false;
  bool needs_text = false;  // Values must come in their text form.
};

FollowGroup::FollowGroup(const FollowGroupContext& context, std::string connection,
                         const std::set<std::string>& left_out)
    : context_(context),
      connection_(std::move(connection)),
      slot_(postgres::ReplicationName(context.estate.name, connection_)) {
  for (const estate::Integration* integration : CdcIntegrations(context.estate, connection_)) {
    if (!left_out.contains(integration->name)) integrations_.push_back(integration);
  }
  watches_ = WatchesOf(context.estate, connection_);
  std::erase_if(watches_, [&](const Watch& watch) { return left_out.contains(watch.name()); });
  for (const Watch& watch : watches_) integrations_.push_back(&watch.followed);
}

bool FollowGroup::IsWatch(const estate::Integration& integration) const {
  return std::any_of(watches_.begin(), watches_.end(),
                     [&](const Watch& watch) { return &watch.followed == &integration; });
}

Result<FollowGroup::Prepared> FollowGroup::Prepare(const std::vector<std::string>& resync,
                                                   const Hooks& hooks) {
  Prepared prepared;
  AFL_ASSIGN(prepared.endpoint, connectors::ResolveEndpoint(context_.estate, connection_));
  AFL_ASSIGN(prepared.catalog,
             postgres::Connect(prepared.endpoint.dsn, prepared.endpoint.overrides));
  PGconn* catalog = prepared.catalog.get();
  AFL_TRY(FitWatches(catalog, watches_));
  const estate::Connection& declared = context_.estate.connections.at(connection_);
  AFL_ASSIGN(auto ready, postgres::CheckReadiness(catalog, {declared, slot_, integrations_}));
  AFL_TRY(Refuse(ready.obstacles, hooks.leaves_out));
  prepared.relations = std::move(ready.relations);
  prepared.needs_text = ready.needs_text;

  std::vector<const estate::Integration*> moved;
  for (const estate::Integration* integration : integrations_) {
    if (!IsWatch(*integration)) moved.push_back(integration);
  }
  AFL_ASSIGN(prepared.sink, duck::OpenChangeSink(context_.warehouse, moved));
  prepared.sink = MakeWatchSink(watches_, context_.events, context_.warehouse, !moved.empty(),
                                std::move(prepared.sink));
  AFL_ASSIGN(const auto stored, prepared.sink->Stored());
  for (const auto& [name, position] : stored) {
    if (std::find(resync.begin(), resync.end(), name) != resync.end()) continue;
    AFL_ASSIGN(prepared.positions[name],
               postgres::ParsePosition(position).Within([&] { return "integration " + name; }));
  }
  AFL_TRY(CheckPositions(prepared, hooks.copies_what_fell_behind));
  // Before the slot: a publication that is younger than it cannot be streamed.
  std::vector<postgres::RelationName> relations;
  for (const auto& [name, relation] : prepared.relations) relations.push_back(relation);
  AFL_TRY(postgres::EnsurePublication(catalog, slot_, relations));
  return prepared;
}

// What stands against the whole database is not one integration's fault.
Status FollowGroup::Refuse(const std::vector<postgres::Obstacle>& obstacles, bool leaves_out) {
  culprit_.clear();
  if (obstacles.empty()) return Done{};
  const auto of_all =
      std::find_if(obstacles.begin(), obstacles.end(),
                   [](const postgres::Obstacle& one) { return one.integration.empty(); });
  const postgres::Obstacle& first = of_all == obstacles.end() ? obstacles.front() : *of_all;
  culprit_ = first.integration;
  std::vector<std::string> told;
  for (const postgres::Obstacle& one : obstacles) {
    if (!leaves_out || one.integration == culprit_) told.push_back(one.finding.ToString());
  }
  return Error(first.kind, fmt::format("{}", fmt::join(told, "; ")));
}

// Where integrations stand, against what the slot can still send.
Status FollowGroup::CheckPositions(Prepared& prepared, bool copies_what_fell_behind) {
  PGconn* catalog = prepared.catalog.get();
  AFL_ASSIGN(const auto slot, postgres::ReadSlot(catalog, slot_));
  AFL_ASSIGN(const auto published, postgres::PublishedTables(catalog, slot_));
  const bool lost = !slot || slot->wal_status == "lost";
  // The stream is confirmed as far as integrations have stored it, and events are
  // recorded before that.
  const bool confirmed_here =
      slot && std::any_of(prepared.positions.begin(), prepared.positions.end(),
                          [&](const auto& position) { return position.second >= slot->confirmed; });
  for (const Watch& watch : watches_) {
    const auto position = prepared.positions.find(watch.name());
    if (position == prepared.positions.end() || !confirmed_here) continue;
    position->second = std::max(position->second, slot->confirmed);
  }
  std::vector<std::string> behind;
  std::vector<std::string> unpublished;
  for (const Watch& watch : watches_) {
    const auto position = prepared.positions.find(watch.name());
    if (position == prepared.positions.end()) continue;
    const bool goes_on = !lost && slot->confirmed <= position->second &&
                         published.contains(prepared.relations.at(watch.name()).oid);
    if (!goes_on) prepared.positions.erase(position);
  }
  for (const auto& [name, position] : prepared.positions) {
    if (lost || slot->confirmed > position) {
      behind.push_back(name);
    } else if (!published.contains(prepared.relations.at(name).oid)) {
      unpublished.push_back(name);
    }
  }
  const auto missing = [](const std::vector<std::string>& names, const std::string& why) {
    return Error(ErrorKind::kSchemaMismatch,
                 fmt::format("integration {}: {}, so changes are missing; `afluente run {} "
                             "--full-refresh` copies again",
                             fmt::join(names, ", "), why, fmt::join(names, " ")));
  };
  const std::string why =
      fmt::format("slot {} {}", slot_, lost ? "was lost" : "has gone on without this warehouse");
  // Made anew under its old name, for example: what was written before it is
  // published again does not come.
  const std::string why_unpublished = fmt::format("the table is not in publication {}", slot_);
  if (copies_what_fell_behind) {
    const auto copy_again = [&](const std::vector<std::string>& names, const std::string& reason) {
      for (const std::string& name : names) {
        spdlog::warn("{}: {}; the table is copied again", name, reason);
        prepared.positions.erase(name);
      }
    };
    copy_again(behind, why);
    copy_again(unpublished, why_unpublished);
  } else {
    if (!behind.empty()) return missing(behind, why);
    if (!unpublished.empty()) return missing(unpublished, why_unpublished);
  }
  prepared.slot_exists = slot.has_value();
  if (slot && slot->wal_status == "lost") {
    AFL_TRY(postgres::DropSlot(catalog, slot_));
    prepared.slot_exists = false;
  }
  return Done{};
}

std::vector<const estate::Integration*> FollowGroup::NotCopied(const Prepared& prepared) const {
  std::vector<const estate::Integration*> missing;
  for (const estate::Integration* integration : integrations_) {
    if (!prepared.positions.contains(integration->name)) missing.push_back(integration);
  }
  return missing;
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
  culprit_ = missing.front()->name;
  return Error(ErrorKind::kTransient,
               fmt::format("integration {}: table {} was truncated or written anew each time it "
                           "was to be copied",
                           culprit_, missing.front()->source.table));
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
  std::map<std::string, std::string> storage;  // By integration.
  for (const estate::Integration* integration : missing) {
    AFL_ASSIGN(storage[integration->name],
               postgres::StorageOf(catalog, prepared.relations.at(integration->name)));
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
      // What it triggers begins with everything.
      EventStore::Batch first;
      first.everything.insert(integration->name);
      first.positions[integration->name] = postgres::ToPosition(slot.consistent_point);
      AFL_TRY(context_.events.Record(first));
      prepared.positions[integration->name] = slot.consistent_point;
      continue;
    }
    const postgres::SharedSnapshot snapshot{slot.snapshot_id,
                                            postgres::ToPosition(slot.consistent_point)};
    pipeline::Progress& progress = hooks.progress_of(integration->name);
    culprit_ = integration->name;
    AFL_ASSIGN(const auto source, postgres::OpenSource(prepared.endpoint, *integration,
                                                       std::nullopt, progress, &snapshot));
    AFL_ASSIGN(const std::string locked,
               postgres::StorageOf(catalog, prepared.relations.at(integration->name)));
    if (locked != storage[integration->name]) continue;
    AFL_ASSIGN(auto key,
               ArrivingKey(catalog, prepared.relations.at(integration->name), *integration));
    AFL_ASSIGN(const auto sink,
               duck::OpenCopySink(context_.warehouse, *integration,
                                  {std::move(key), PlaceBefore(slot.consistent_point), taken_at}));
    AFL_ASSIGN(const auto nothing, sink->Stored());
    AFL_ASSIGN(const auto copied, pipeline::Run(*source, *sink, progress, stop).Within([&] {
      return "integration " + integration->name;
    }));
    spdlog::info("{}: copied {} rows", integration->name, copied.rows_written);
    prepared.positions[integration->name] = slot.consistent_point;
  }
  culprit_.clear();
  return Done{};
}

Status FollowGroup::Run(const std::vector<std::string>& resync,
                        const pipeline::FollowOptions& options, const Hooks& hooks,
                        const std::stop_token& stop) {
  if (integrations_.empty()) return Done{};
  AFL_ASSIGN(Prepared prepared, Prepare(resync, hooks));
  AFL_TRY(CopyTables(prepared, hooks, stop));
  hooks.on_copied();
  StreamForm form;
  form.needs_text = prepared.needs_text;
  Hooks again = hooks;  // What was followed a moment ago cannot have fallen behind.
  again.copies_what_fell_behind = false;
  while (true) {
    const StreamForm was = form;
    Status followed = Follow(prepared, form, options, hooks.on_applied, stop);
    if (followed.ok() || form == was) return followed;
    spdlog::info("connection {}: {}; once more in another form", connection_,
                 followed.error().message());
    AFL_ASSIGN(prepared, Prepare({}, again));
  }
}

Status FollowGroup::Follow(Prepared& prepared, StreamForm& form,
                           const pipeline::FollowOptions& options,
                           const std::function<void(const pipeline::Applied&)>& on_applied,
                           const std::stop_token& stop) {
  postgres::ChangeStreamOptions stream;
  stream.endpoint = prepared.endpoint;
  // Source: PostgreSQL documentation, "Logical Streaming Replication Parameters".
  constexpr int kStreamsTransactions = 140000;
  const bool is_recent = PQserverVersion(prepared.catalog.get()) >= kStreamsTransactions;
  stream.stream.slot = slot_;
  stream.stream.publication = slot_;
  stream.stream.protocol_version = is_recent && form.sends_early ? 2 : 1;
  stream.stream.binary = is_recent && !form.needs_text;
  stream.spool_folder = context_.spool_folder;
  std::vector<postgres::FollowedIntegration> followed;
  Lsn from{~std::uint64_t{0}};
  for (const estate::Integration* integration : integrations_) {
    const Lsn position = prepared.positions.at(integration->name);
    from = std::min(from, position);
    followed.push_back({integration, prepared.relations.at(integration->name).oid, position});
  }
  stream.stream.from = from;
  AFL_ASSIGN(stream.until, postgres::MarkLsn(prepared.catalog.get()));
  AFL_ASSIGN(const auto source,
             postgres::ChangeStream::Open(std::move(stream), std::move(followed)));
  const Status status =
      pipeline::Follow(*source, *prepared.sink, options, context_.clock, on_applied, stop);
  form.needs_text = form.needs_text || source->needs_text();
  // PostgreSQL 15 loses its way in the catalog when it sends a transaction early
  // in which a savepoint with an ALTER TABLE was rolled back.
  if (!status.ok() &&
      status.error().message().find("could not map filenode") != std::string::npos) {
    form.sends_early = false;
  }
  culprit_ = prepared.sink->culprit().empty() ? source->culprit() : prepared.sink->culprit();
  return status;
}

}  // namespace afluente::orchestrator
