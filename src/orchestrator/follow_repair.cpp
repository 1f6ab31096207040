// The repair of tables that are followed and may differ from their source: a part of FollowGroup.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "connectors/postgres/replication/change_stream.h"
#include "orchestrator/follow_prepared.h"
#include "orchestrator/repair.h"
#include "pipeline/shaping.h"

namespace afluente::orchestrator {
namespace {

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
std::string PlaceBefore(postgres::Lsn lsn) {
  return postgres::Lsn{lsn.value - 1}.ToSortableString();
}

bool MayPass(const Error& error) {
  return error.kind() == ErrorKind::kTransient || error.kind() == ErrorKind::kCancelled;
}

}  // namespace

Result<duck::CopyMoment> FollowGroup::CopyMomentOf(const Prepared& prepared,
                                                   const estate::Integration& integration,
                                                   const Moment& moment) {
  AFL_ASSIGN(const postgres::Lsn lsn, postgres::ParsePosition(moment.snapshot.position));
  AFL_ASSIGN(auto key, ArrivingKey(prepared.catalog.get(), prepared.relations.at(integration.name),
                                   integration));
  duck::CopyMoment copy;
  copy.key = std::move(key);
  copy.lsn = PlaceBefore(lsn);
  copy.taken_at = moment.taken_at;
  return copy;
}

Result<FollowGroup::RepairEnd> FollowGroup::RepairAtMoment(Prepared& prepared,
                                                           const estate::Integration& integration,
                                                           const Moment& moment, const Hooks& hooks,
                                                           const std::stop_token& stop) {
  const std::string& name = integration.name;
  const std::string& why = prepared.repairs.at(name);
  AFL_ASSIGN(const data::DuckConnection connection, context_.warehouse.Connect());
  // A destination that cannot be compared, for example because somebody dropped
  // it, is made anew; so is one of another shape.
  const auto copy = [&](std::string why_not) -> RepairEnd {
    spdlog::warn("{}: {}; the table is copied again, because {}", name, why, why_not);
    Repaired repaired;
    repaired.copy_instead = std::move(why_not);
    hooks.on_repaired(name, repaired);
    return RepairEnd::kCopy;
  };
  auto opened = comparison::TablePair::Open(context_.estate, integration, connection.get(), stop,
                                            moment.snapshot.id);
  if (!opened.ok() && MayPass(opened.error())) return opened.error();
  if (!opened.ok()) return copy(opened.error().message());
  AFL_ASSIGN(const auto locked,
             postgres::ReadTableState(prepared.catalog.get(), prepared.relations.at(name)));
  if (locked != prepared.states[name]) return RepairEnd::kAgain;
  AFL_ASSIGN(const duck::CopyMoment copy_moment, CopyMomentOf(prepared, integration, moment));
  AFL_ASSIGN(const Repaired repaired,
             RepairTable(context_.warehouse, *opened.value(), copy_moment, moment.snapshot.position,
                         hooks.progress_of(name), stop)
                 .Within([&] { return "integration " + name; }));
  if (!repaired.copy_instead.empty()) return copy(repaired.copy_instead);
  // Not before: a repair that is cut off is found to be needed again.
  AFL_TRY(context_.events.SetTableState(name, locked.ToJson()));
  spdlog::info("{}: {}; compared {} rows, repaired {} ({})", name, why, repaired.compared,
               repaired.rows.total(), Told(repaired.rows));
  AFL_ASSIGN(prepared.positions[name], postgres::ParsePosition(moment.snapshot.position));
  hooks.on_repaired(name, repaired);
  return RepairEnd::kDone;
}

}  // namespace afluente::orchestrator
