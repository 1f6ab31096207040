#include "orchestrator/shadow/cutover.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "base/names.h"
#include "connectors/duckdb/evolution.h"
#include "connectors/duckdb/warehouse.h"
#include "orchestrator/kill_point.h"
#include "orchestrator/run_store.h"
#include "orchestrator/shadow/apply_shadows.h"

namespace afluente::orchestrator {
namespace {

using estate::Shadow;
using estate::TableAddress;

// What one of the two needs, opened by the one process that may.
struct Opened {
  StatePaths paths;
  StateLock lock;
  std::unique_ptr<duck::Warehouse> warehouse;
  std::unique_ptr<RunStore> runs;
  data::DuckConnection connection;
};

Result<Opened> Open(const estate::Estate& estate, const std::filesystem::path& state_root,
                    const std::string& command) {
  AFL_ASSIGN(StatePaths paths, PathsOf(estate, state_root));
  auto lock = StateLock::Take(paths.root, command);
  if (!lock.ok() && lock.error().kind() == ErrorKind::kTransient) {
    return Error(ErrorKind::kTransient,
                 fmt::format("{}; a {} takes a second", lock.error().message(), command));
  }
  if (!lock.ok()) return lock.error();
  duck::WarehouseOptions options;
  options.folder = paths.warehouse;
  options.lake = paths.lake;
  AFL_ASSIGN(auto warehouse, duck::Warehouse::Open(options));
  AFL_ASSIGN(auto runs, RunStore::Open(paths.run_store));
  AFL_ASSIGN(auto connection, warehouse->Connect());
  return Opened{std::move(paths), std::move(lock).value(), std::move(warehouse), std::move(runs),
                std::move(connection)};
}

Result<bool> Exists(duckdb_connection connection, const TableAddress& table) {
  AFL_ASSIGN(const auto columns, duck::ReadColumns(connection, table));
  return !columns.empty();
}

Result<Shadow> Find(const std::map<std::string, Shadow>& shadows, const std::string& integration) {
  const auto found = shadows.find(integration);
  if (found != shadows.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [name, shadow] : shadows) names.push_back(name);
  return Error(ErrorKind::kNotFound, fmt::format("no integration {} has the key shadow{}",
                                                 integration, DidYouMean(integration, names)));
}

// One name becomes another, with what belongs to it.
struct Renaming {
  TableAddress from;
  TableAddress to;
};

// In this order: a name must be free when another takes it. Few rows of ours change: an UPDATE
// while nobody reads is as good as delete and insert.
Status RenameAll(duckdb_connection connection, const std::vector<Renaming>& renamings) {
  std::string sql = "BEGIN;";
  std::string cases;
  for (const Renaming& one : renamings) {
    sql += fmt::format("ALTER TABLE {} RENAME TO {};", duck::SqlName(one.from),
                       QuoteIdentifier(one.to.table));
    cases += fmt::format(" WHEN {} THEN {}", QuoteLiteral(one.from.ToString()),
                         QuoteLiteral(one.to.ToString()));
  }
  for (const char* table : {"checkpoints", "dead_letters"}) {
    sql += fmt::format("UPDATE {}.{}.{} SET destination = CASE destination{} ELSE destination END;",
                       QuoteIdentifier(renamings.front().from.project), duck::kSystemSchema, table,
                       cases);
  }
  const Status done = data::Execute(connection, sql + "COMMIT");
  if (!done.ok()) (void)data::Execute(connection, "ROLLBACK");
  return done;
}

// From one state to another, by way of one in which the warehouse shows which of them it is.
struct Change {
  std::string name;  // Of the steps.
  ShadowState from;
  ShadowState during;
  ShadowState to;
};

Status Switch(duckdb_connection connection, const std::vector<Renaming>& renamings,
              ShadowStore& store, const std::string& integration, const Change& change,
              const Clock& clock) {
  const auto at_step = KillPointOfEnvironment();
  AFL_TRY(store.Set(integration, change.during, clock.Now()));
  at_step((change.name + "_recorded").c_str());
  if (const Status renamed = RenameAll(connection, renamings); !renamed.ok()) {
    AFL_TRY(store.Set(integration, change.from, clock.Now()));
    return renamed;
  }
  at_step((change.name + "_renamed").c_str());
  return store.Set(integration, change.to, clock.Now());
}

Status CheckDays(const estate::Estate& estate, const std::string& integration, const Shadow& shadow,
                 ShadowStore& store, const Clock& clock) {
  AFL_ASSIGN(const auto days, store.Days(integration, shadow.days + 1));
  AFL_ASSIGN(const auto today, DayOf(clock.Now(), estate.time_zone));
  const std::string why = WhyNotEqual(days, shadow.days, today);
  if (why.empty()) return Done{};
  return Error(ErrorKind::kConversion,
               fmt::format("{} is not to take over {} yet: it wants {} days without a difference; "
                           "{}; --force takes over all the same",
                           integration, shadow.live.ToString(), shadow.days, why));
}

}  // namespace

Status Cutover(const estate::Estate& estate, const std::filesystem::path& state_root,
               const std::string& integration, bool force, const Clock& clock) {
  const auto shadows = ShadowsOf(estate);
  AFL_ASSIGN(const Shadow shadow, Find(shadows, integration));
  const std::string other = OtherWriter(estate, integration, shadow.live);
  if (!other.empty()) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("{} writes {}, too: take it out of the estate first", other,
                             shadow.live.ToString()));
  }
  AFL_ASSIGN(const Opened opened, Open(estate, state_root, "cutover"));
  ShadowStore store(opened.runs->file());
  AFL_ASSIGN(auto states, StatesOf(shadows, store));
  if (states[integration] != ShadowState::kShadow) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("{} is {} already", integration, NameOf(states[integration])));
  }
  if (!force) AFL_TRY(CheckDays(estate, integration, shadow, store, clock));
  duckdb_connection connection = opened.connection.get();
  AFL_ASSIGN(const bool has_shadow, Exists(connection, shadow.shadow));
  AFL_ASSIGN(const bool has_live, Exists(connection, shadow.live));
  AFL_ASSIGN(const bool has_before, Exists(connection, shadow.before));
  if (!has_shadow) {
    return Error(ErrorKind::kNotFound,
                 fmt::format("there is no table {} yet; `afluente run {}` makes it",
                             shadow.shadow.ToString(), integration));
  }
  if (has_live && has_before) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("{} exists, and {} would get its name; move one of them away",
                             shadow.before.ToString(), shadow.live.ToString()));
  }
  std::vector<Renaming> renamings;
  if (has_live) renamings.push_back({shadow.live, shadow.before});
  renamings.push_back({shadow.shadow, shadow.live});
  return Switch(connection, renamings, store, integration,
                {"cutover", ShadowState::kShadow, ShadowState::kCuttingOver, ShadowState::kLive},
                clock);
}

Status Rollback(const estate::Estate& estate, const std::filesystem::path& state_root,
                const std::string& integration, const Clock& clock) {
  const auto shadows = ShadowsOf(estate);
  AFL_ASSIGN(const Shadow shadow, Find(shadows, integration));
  AFL_ASSIGN(const Opened opened, Open(estate, state_root, "rollback"));
  ShadowStore store(opened.runs->file());
  AFL_ASSIGN(auto states, StatesOf(shadows, store));
  if (states[integration] != ShadowState::kLive) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("{} is in shadow: there is nothing to roll back", integration));
  }
  duckdb_connection connection = opened.connection.get();
  AFL_ASSIGN(const bool has_live, Exists(connection, shadow.live));
  AFL_ASSIGN(const bool has_before, Exists(connection, shadow.before));
  if (!has_live) {
    return Error(ErrorKind::kNotFound,
                 fmt::format("there is no table {} any more", shadow.live.ToString()));
  }
  std::vector<Renaming> renamings = {{shadow.live, shadow.shadow}};
  if (has_before) renamings.push_back({shadow.before, shadow.live});
  return Switch(connection, renamings, store, integration,
                {"rollback", ShadowState::kLive, ShadowState::kRollingBack, ShadowState::kShadow},
                clock);
}

// While one is in shadow its shadow table exists, and while it is live none does.
Status SettleCutovers(const StatePaths& paths, const std::map<std::string, Shadow>& shadows,
                      ShadowStore& store) {
  AFL_ASSIGN(const StateLock lock, StateLock::Take(paths.root, "cutover"));
  duck::WarehouseOptions options;
  options.folder = paths.warehouse;
  options.lake = paths.lake;
  AFL_ASSIGN(const auto warehouse, duck::Warehouse::Open(options));
  AFL_ASSIGN(const auto connection, warehouse->Connect());
  AFL_ASSIGN(const auto states, StatesOf(shadows, store));
  for (const auto& [name, state] : states) {
    if (state != ShadowState::kCuttingOver && state != ShadowState::kRollingBack) continue;
    AFL_ASSIGN(const bool in_shadow, Exists(connection.get(), shadows.at(name).shadow));
    const ShadowState settled = in_shadow ? ShadowState::kShadow : ShadowState::kLive;
    spdlog::warn("{}: a {} was cut off; it is {}", name,
                 state == ShadowState::kCuttingOver ? "cut-over" : "rollback", NameOf(settled));
    AFL_TRY(store.Set(name, settled, SystemClock().Now()));
  }
  return Done{};
}

}  // namespace afluente::orchestrator
