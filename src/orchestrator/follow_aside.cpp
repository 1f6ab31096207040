// Tables that take no part in the stream for now: a part of FollowGroup.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <thread>
#include <utility>

#include "connectors/duckdb/change_sink.h"
#include "connectors/postgres/replication/kept_stream.h"
#include "estate/quantities.h"
#include "orchestrator/follow_prepared.h"

namespace afluente::orchestrator {

using postgres::KeptChanges;
using postgres::Lsn;

namespace {

constexpr std::int64_t kSpoolMax = std::int64_t{1} << 30U;

std::uint64_t SpoolMax(const estate::Connection& connection) {
  return static_cast<std::uint64_t>(connection.max_spool.value_or(kSpoolMax));
}

}  // namespace

// One that was never copied, or that changes are missing of, has nothing to keep:
// it will be copied when it comes back.
Status FollowGroup::PrepareAside(Prepared& prepared) const {
  if (left_out_.empty() || !prepared.slot_exists) return Done{};
  const estate::Connection& declared = context_.estate.connections.at(connection_);
  AFL_ASSIGN(const auto ready,
             postgres::CheckReadiness(prepared.catalog.get(), {declared, slot_, left_out_}));
  AFL_ASSIGN(const auto sink, duck::OpenChangeSink(context_.warehouse, left_out_));
  AFL_ASSIGN(const auto stored, sink->Stored());
  for (const estate::Integration* integration : left_out_) {
    const std::string& name = integration->name;
    const auto relation = ready.relations.find(name);
    const auto position = stored.find(name);
    if (relation == ready.relations.end() || position == stored.end()) continue;
    AFL_ASSIGN(const Lsn from, postgres::ParsePosition(position->second));
    const auto range = KeptChanges::Look(context_.spool_folder, name);
    if (range && range->Bridges(from, prepared.confirmed)) {
      prepared.set_aside[name] = {relation->second, range->until};
    } else if (from >= prepared.confirmed) {
      prepared.set_aside[name] = {relation->second, from};
    }
  }
  prepared.needs_text = prepared.needs_text || ready.needs_text;
  return Done{};
}

Result<std::vector<postgres::SetAside>> FollowGroup::OpenAside(const Prepared& prepared, Lsn from) {
  const estate::Connection& declared = context_.estate.connections.at(connection_);
  std::vector<postgres::SetAside> opened;
  for (const auto& [name, aside] : prepared.set_aside) {
    AFL_ASSIGN(auto kept, KeptChanges::Open(context_.spool_folder, name, from, SpoolMax(declared)));
    opened.push_back({name, aside.relation, std::move(kept)});
  }
  return opened;
}

Status FollowGroup::ApplyKept(Prepared& prepared, const pipeline::FollowOptions& options,
                              const Hooks& hooks, const std::stop_token& stop) {
  for (const std::string& name : std::exchange(prepared.kept, {})) {
    const estate::Integration& integration = context_.estate.integrations.at(name);
    AFL_ASSIGN(auto reader, postgres::KeptReader::Open(context_.spool_folder, name));
    const postgres::KeptRange range = reader->range();
    postgres::FollowedTablesOptions shapes;
    shapes.endpoint = prepared.endpoint;
    shapes.binary = !prepared.needs_text;
    shapes.on_state = [this](const std::string& which, const postgres::TableState& state) {
      return context_.events.SetTableState(which, state.ToJson());
    };
    std::vector<postgres::FollowedIntegration> followed;
    followed.push_back({&integration, prepared.relations.at(name), prepared.positions.at(name),
                        prepared.states.at(name)});
    postgres::KeptStream source(
        std::move(reader),
        std::make_unique<postgres::FollowedTables>(std::move(shapes), std::move(followed)),
        postgres::ChangeStreamOptions().bytes_max);
    AFL_ASSIGN(const auto sink, duck::OpenChangeSink(context_.warehouse, {&integration}));
    pipeline::FollowOptions to_its_end = options;
    to_its_end.until_caught_up = true;
    const Status applied =
        pipeline::Follow(source, *sink, to_its_end, context_.clock, hooks.on_applied, stop);
    if (source.needs_text() || source.written_anew()) {
      spdlog::warn("{}: {}; the table is copied again", name, applied.error().message());
      prepared.positions.erase(name);
    } else {
      culprit_ = name;
      AFL_TRY(applied);
      culprit_.clear();
      spdlog::info("{}: applied {} of changes that were kept", name,
                   estate::FormatSize(static_cast<std::int64_t>(range.bytes)));
      prepared.positions[name] = range.until;
    }
    KeptChanges::Drop(context_.spool_folder, name);
  }
  return Done{};
}

Status FollowGroup::FollowWhileCopying(Prepared& prepared, StreamForm& form,
                                       const pipeline::FollowOptions& options, const Hooks& hooks,
                                       const std::stop_token& stop) {
  Prepared copy;
  copy.endpoint = prepared.endpoint;
  copy.relations = prepared.relations;
  copy.repairs = prepared.repairs;
  copy.begun = prepared.begun;
  copy.keys_alone = prepared.keys_alone;
  copy.stored = prepared.stored;
  copy.slot_exists = true;
  AFL_ASSIGN(copy.catalog, postgres::Connect(copy.endpoint.dsn, copy.endpoint.overrides));
  std::set<std::string> copied;
  for (const estate::Integration* integration : NotCopied(prepared)) {
    const std::string& name = integration->name;
    if (IsWatch(*integration)) {
      AFL_TRY(BeginWatch(prepared, *integration, prepared.confirmed));
      continue;
    }
    copied.insert(name);
    // Of what was kept before, nothing is needed.
    KeptChanges::Drop(context_.spool_folder, name);
    prepared.set_aside[name] = {prepared.relations.at(name), prepared.confirmed};
  }
  copy.positions = prepared.positions;
  hooks.on_copying(copied);

  std::stop_source ended;
  const std::stop_callback forward(stop, [&] { ended.request_stop(); });
  Status status = Done{};
  std::jthread copying([&](const std::stop_token& copy_stop) {
    status = Guarded([&] { return CopyTables(copy, hooks, copy_stop); });
    ended.request_stop();
  });
  const std::stop_callback both(stop, [&] { copying.request_stop(); });
  Status followed = Follow(prepared, form, options, hooks.on_applied, ended.get_token());
  copying.request_stop();
  copying.join();
  if (!status.ok() && status.error().kind() != ErrorKind::kCancelled) {
    culprit_ = copy.culprit;
    return status;
  }
  prepared.copied_beside = status.ok() && !stop.stop_requested() && !followed.ok() &&
                           followed.error().kind() == ErrorKind::kCancelled;
  return followed;
}

}  // namespace afluente::orchestrator
