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
    auto& where = left_out.contains(integration->name) ? left_out_ : integrations_;
    where.push_back(integration);
  }
  watches_ = WatchesOf(context.estate, connection_);
  std::erase_if(watches_, [&](const Watch& watch) { return left_out.contains(watch.name()); });
  for (const Watch& watch : watches_) integrations_.push_back(&watch.followed);
}

bool FollowGroup::IsWatch(const estate::Integration& integration) const {
  return std::any_of(watches_.begin(), watches_.end(),
                     [&](const Watch& watch) { return &watch.followed == &integration; });
}

Result<FollowGroup::Prepared> FollowGroup::Prepare(const std::set<std::string>& resync,
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
    prepared.stored.insert(name);
    if (hooks.repair.contains(name)) {
      prepared.repairs[name] = "a repair was asked for";
      continue;
    }
    if (resync.contains(name)) continue;
    AFL_ASSIGN(prepared.positions[name],
               postgres::ParsePosition(position).Within([&] { return "integration " + name; }));
  }
  AFL_TRY(MakeRoomForInserts(prepared));
  AFL_TRY(CheckPositions(prepared, hooks.copies_what_fell_behind));
  AFL_TRY(CheckTables(prepared));
  AFL_TRY(FindBegun(prepared, resync));
  AFL_TRY(PrepareAside(prepared));
  AFL_TRY(Publish(prepared));
  return prepared;
}

// A publication that is younger than the slot cannot be streamed: the server looks
// for it as of each change.
Status FollowGroup::MakeRoomForInserts(Prepared& prepared) {
  const auto only_inserts = [](const auto* integration) {
    return integration->FollowsInsertsOnly();
  };
  prepared.has_inserts_only =
      std::any_of(integrations_.begin(), integrations_.end(), only_inserts) ||
      std::any_of(left_out_.begin(), left_out_.end(), only_inserts);
  if (!prepared.has_inserts_only) return Done{};
  PGconn* catalog = prepared.catalog.get();
  const std::string name = postgres::InsertsPublication(slot_);
  AFL_ASSIGN(const auto publication, postgres::ReadPublication(catalog, name));
  AFL_ASSIGN(const auto slot, postgres::ReadSlot(catalog, slot_));
  if (publication.exists || !slot) return Done{};
  spdlog::warn(
      "slot {} is older than publication {}, which is to be made; it is made anew, and the tables "
      "are copied again",
      slot_, name);
  AFL_TRY(postgres::DropSlot(catalog, slot_));
  prepared.positions.clear();
  return Done{};
}

// Before the slot. Both, so that tables of either kind can be added later.
Status FollowGroup::Publish(const Prepared& prepared) {
  PGconn* catalog = prepared.catalog.get();
  std::vector<postgres::RelationName> whole;
  std::vector<postgres::RelationName> inserts_only;
  for (const estate::Integration* integration : integrations_) {
    const auto relation = prepared.relations.find(integration->name);
    if (relation == prepared.relations.end()) continue;
    (integration->FollowsInsertsOnly() ? inserts_only : whole).push_back(relation->second);
  }
  AFL_TRY(postgres::EnsurePublication(catalog, slot_, whole));
  // One that lost its key: the server would refuse updates of it to everybody.
  AFL_TRY(postgres::Unpublish(catalog, slot_, inserts_only));
  AFL_ASSIGN(const bool may_publish, postgres::MayPublish(catalog));
  if (!prepared.has_inserts_only && (prepared.slot_exists || !may_publish)) return Done{};
  return postgres::EnsurePublication(catalog, postgres::InsertsPublication(slot_), inserts_only,
                                     true);
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
  AFL_ASSIGN(const auto inserts,
             postgres::PublishedTables(catalog, postgres::InsertsPublication(slot_)));
  const auto is_published = [&](const std::string& name) {
    const auto found = context_.estate.integrations.find(name);
    const bool inserts_only =
        found != context_.estate.integrations.end() && found->second.FollowsInsertsOnly();
    return (inserts_only ? inserts : published).contains(prepared.relations.at(name).oid);
  };
  const bool lost = !slot || slot->wal_status == "lost";
  const auto is_kept = [&](const std::string& name, Lsn position) {
    const auto range = postgres::KeptChanges::Look(context_.spool_folder, name);
    return range && range->Bridges(position, slot->confirmed);
  };
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
    const bool goes_on = !lost && slot->confirmed <= position->second && is_published(watch.name());
    if (!goes_on) prepared.positions.erase(position);
  }
  for (const auto& [name, position] : prepared.positions) {
    if (!lost && slot->confirmed > position && is_kept(name, position)) {
      prepared.kept.push_back(name);
    } else if (lost || slot->confirmed > position) {
      behind.push_back(name);
    } else if (!is_published(name)) {
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
  if (slot) prepared.confirmed = slot->confirmed;
  if (slot && slot->wal_status == "lost") {
    prepared.slot_exists = false;
    // Whoever takes part makes it anew; without them it shows what happened.
    if (!integrations_.empty()) AFL_TRY(postgres::DropSlot(catalog, slot_));
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
  std::set<std::string> not_copied(resync.begin(), resync.end());
  Hooks asked = hooks;
  StreamForm form;
  while (!integrations_.empty() || !left_out_.empty()) {
    AFL_ASSIGN(Prepared prepared, Prepare(not_copied, asked));
    form.needs_text = form.needs_text || prepared.needs_text;
    if (integrations_.empty() && prepared.set_aside.empty()) return Done{};
    AFL_TRY(ApplyKept(prepared, options, hooks, stop));
    const StreamForm was = form;
    const bool beside = hooks.on_copying != nullptr && prepared.slot_exists &&
                        !(prepared.positions.empty() && prepared.set_aside.empty());
    if (!beside) {
      const Status copied = CopyTables(prepared, hooks, stop);
      culprit_ = prepared.culprit;
      AFL_TRY(copied);
    }
    const bool all_copied = NotCopied(prepared).empty();
    if (all_copied) {
      not_copied.clear();
      asked.repair.clear();
      hooks.on_copied();
    }
    const Status followed = all_copied ? Follow(prepared, form, options, hooks.on_applied, stop)
                                       : FollowWhileCopying(prepared, form, options, hooks, stop);
    if (followed.ok()) return followed;
    if (prepared.copied_beside) {
      not_copied.clear();
      asked.repair.clear();
    } else if (form != was) {
      spdlog::info("connection {}: {}; once more in another form", connection_,
                   followed.error().message());
    } else if (!prepared.written_anew) {
      return followed;
    }
  }
  return Done{};
}

Status FollowGroup::Follow(Prepared& prepared, StreamForm& form,
                           const pipeline::FollowOptions& options,
                           const std::function<void(const pipeline::Applied&)>& on_applied,
                           const std::stop_token& stop) {
  postgres::ChangeStreamOptions stream;
  stream.endpoint = prepared.endpoint;
  // Source: PostgreSQL documentation, "Logical Streaming Replication Parameters".
  constexpr int kStreamsTransactions = 140000;
  const int version = PQserverVersion(prepared.catalog.get());
  const bool is_recent = version >= kStreamsTransactions;
  stream.stream.slot = slot_;
  stream.stream.publications = {slot_};
  if (prepared.has_inserts_only) {
    stream.stream.publications.push_back(postgres::InsertsPublication(slot_));
  }
  stream.stream.protocol_version = form.sends_early ? postgres::ProtocolVersion(version) : 1;
  stream.stream.binary = is_recent && !form.needs_text;
  stream.spool_folder = context_.spool_folder;
  stream.on_state = [this](const std::string& integration, const postgres::TableState& state) {
    return context_.events.SetTableState(integration, state.ToJson());
  };
  std::vector<postgres::FollowedIntegration> followed;
  Lsn from{~std::uint64_t{0}};
  for (const estate::Integration* integration : integrations_) {
    const auto position = prepared.positions.find(integration->name);
    if (position == prepared.positions.end()) continue;  // It is being copied.
    from = std::min(from, position->second);
    followed.push_back({integration, prepared.relations.at(integration->name), position->second,
                        prepared.states.at(integration->name)});
  }
  for (const auto& [name, aside] : prepared.set_aside) from = std::min(from, aside.from);
  stream.stream.from = from;
  AFL_ASSIGN(auto aside, OpenAside(prepared, from));
  AFL_ASSIGN(stream.until, postgres::MarkLsn(prepared.catalog.get()));
  AFL_ASSIGN(const auto source, postgres::ChangeStream::Open(std::move(stream), std::move(followed),
                                                             std::move(aside)));
  const Status status =
      pipeline::Follow(*source, *prepared.sink, options, context_.clock, on_applied, stop);
  form.needs_text = form.needs_text || source->needs_text();
  prepared.written_anew = source->written_anew();
  // PostgreSQL loses its way in the catalog when it sends a transaction early in
  // which a savepoint with an ALTER TABLE was rolled back. "filenode" until 15,
  // "filenumber" since 16.
  if (!status.ok() && status.error().message().find("could not map filen") != std::string::npos) {
    form.sends_early = false;
  }
  culprit_ = prepared.sink->culprit().empty() ? source->culprit() : prepared.sink->culprit();
  const std::string inserts = postgres::InsertsPublication(slot_);
  const bool is_too_young =
      !status.ok() && status.error().message().find("publication \"" + inserts +
                                                    "\" does not exist") != std::string::npos;
  if (!is_too_young) return status;
  return Error(ErrorKind::kSchemaMismatch,
               fmt::format("slot {0} is older than publication {1}, so that the server does not "
                           "find it: SELECT pg_drop_replication_slot('{0}'), then `afluente run "
                           "--all --full-refresh`",
                           slot_, inserts));
}

}  // namespace afluente::orchestrator
