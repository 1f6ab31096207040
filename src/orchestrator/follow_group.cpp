#include "orchestrator/follow_group.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "connectors/duckdb/change_sink.h"
#include "connectors/postgres/replication/change_stream.h"
#include "connectors/postgres/replication/slot.h"
#include "connectors/registry.h"
#include "orchestrator/follow_prepared.h"

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
    if (hooks.repair.contains(name)) {
      prepared.repairs[name] = "a repair was asked for";
      continue;
    }
    if (std::find(resync.begin(), resync.end(), name) != resync.end()) continue;
    AFL_ASSIGN(prepared.positions[name],
               postgres::ParsePosition(position).Within([&] { return "integration " + name; }));
  }
  AFL_TRY(CheckPositions(prepared, hooks.copies_what_fell_behind));
  AFL_TRY(CheckTables(prepared));
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
    return Error(
        ErrorKind::kSchemaMismatch,
        fmt::format("integration {}: {}, so changes are missing; `afluente reconcile {} "
                    "--repair` finds and writes what differs, `afluente run {} "
                    "--full-refresh` copies again",
                    fmt::join(names, ", "), why, fmt::join(names, " "), fmt::join(names, " ")));
  };
  const std::string why =
      fmt::format("slot {} {}", slot_, lost ? "was lost" : "has gone on without this warehouse");
  // Made anew under its old name, for example: what was written before it is
  // published again does not come.
  const std::string why_unpublished = fmt::format("the table is not in publication {}", slot_);
  if (copies_what_fell_behind) {
    const auto repair = [&](const std::vector<std::string>& names, const std::string& reason) {
      for (const std::string& name : names) {
        spdlog::warn("{}: {}; the table is compared with the source and repaired", name, reason);
        prepared.positions.erase(name);
        prepared.repairs[name] = reason;
      }
    };
    repair(behind, why);
    repair(unpublished, why_unpublished);
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

// What was altered while nobody looked.
Status FollowGroup::CheckTables(Prepared& prepared) {
  AFL_ASSIGN(const auto known, context_.events.TableStates());
  for (const auto& [name, relation] : prepared.relations) {
    AFL_ASSIGN(auto now, postgres::ReadTableState(prepared.catalog.get(), relation));
    const auto before = known.find(name);
    const bool has_position = prepared.positions.contains(name);
    if (has_position && before != known.end() &&
        postgres::IsWrittenAnew(postgres::TableState::FromJson(before->second), now)) {
      const std::string why = fmt::format(
          "rows of {} changed in ways that no stream sends (ALTER TABLE, ATTACH or DETACH "
          "PARTITION)",
          relation.sql_name);
      const auto policy = context_.estate.integrations.at(name).on_schema_change;
      if (policy != estate::OnSchemaChange::kEvolve) {
        culprit_ = name;
        return Error(ErrorKind::kSchemaMismatch,
                     fmt::format("integration {0}: {1}; on_schema_change: {2} leaves it to you: "
                                 "`afluente run {0} --full-refresh` copies the table again",
                                 name, why, estate::NameOf(policy)));
      }
      spdlog::warn("{}: {}; the table is copied again", name, why);
      prepared.positions.erase(name);
    } else if (has_position) {
      AFL_TRY(context_.events.SetTableState(name, now.ToJson()));
    }
    prepared.states[name] = std::move(now);
  }
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
  again.repair.clear();
  while (true) {
    const StreamForm was = form;
    Status followed = Follow(prepared, form, options, hooks.on_applied, stop);
    if (followed.ok()) return followed;
    if (prepared.written_anew) {
      AFL_ASSIGN(prepared, Prepare({}, again));
      AFL_TRY(CopyTables(prepared, hooks, stop));
      hooks.on_copied();
      continue;
    }
    if (form == was) return followed;
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
  stream.on_state = [this](const std::string& integration, const postgres::TableState& state) {
    return context_.events.SetTableState(integration, state.ToJson());
  };
  std::vector<postgres::FollowedIntegration> followed;
  Lsn from{~std::uint64_t{0}};
  for (const estate::Integration* integration : integrations_) {
    const Lsn position = prepared.positions.at(integration->name);
    from = std::min(from, position);
    followed.push_back({integration, prepared.relations.at(integration->name), position,
                        prepared.states.at(integration->name)});
  }
  stream.stream.from = from;
  AFL_ASSIGN(stream.until, postgres::MarkLsn(prepared.catalog.get()));
  AFL_ASSIGN(const auto source,
             postgres::ChangeStream::Open(std::move(stream), std::move(followed)));
  const Status status =
      pipeline::Follow(*source, *prepared.sink, options, context_.clock, on_applied, stop);
  form.needs_text = form.needs_text || source->needs_text();
  prepared.written_anew = source->written_anew();
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
