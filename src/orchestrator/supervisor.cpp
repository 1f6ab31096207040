#include "orchestrator/supervisor.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "connectors/postgres/replication/change_stream.h"
#include "connectors/postgres/replication/slot.h"
#include "connectors/registry.h"

namespace afluente::orchestrator {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBackoffFirst{500};
constexpr milliseconds kBackoffMax{60'000};

Error PausedError(const std::string& integration) {
  return {ErrorKind::kInvalidConfig,
          fmt::format("integration {0} is paused; `afluente resume {0}`", integration)};
}

}  // namespace

std::string_view NameOf(FollowState state) {
  switch (state) {
    case FollowState::kCopying:
      return "copying";
    case FollowState::kRepairing:
      return "repairing";
    case FollowState::kFollowing:
      return "following";
    case FollowState::kWaiting:
      return "waiting";
    case FollowState::kFailed:
      return "failed";
    case FollowState::kPaused:
      return "paused";
  }
  return "failed";
}

struct Supervisor::Group {
  std::string connection;
  std::map<std::string, FollowReport> reports;         // By integration.
  std::map<std::string, pipeline::Progress> progress;  // Of copies; never loses an element.
  std::set<std::string> resync;
  std::set<std::string> copied;  // While the others are followed.
  std::set<std::string> repair;
  bool restart = false;                    // Somebody changed who takes part.
  bool held = false;                       // The guard wants the slot for itself.
  std::set<estate::TableAddress> updated;  // Since the last commit.
  std::stop_source run;                    // Of the run in hand.
  milliseconds backoff = kBackoffFirst;
  std::unique_ptr<SlotGuard> guard;
  std::jthread thread;  // Last: joined before what it uses goes.
};

Supervisor::Supervisor(const FollowGroupContext& context,
                       std::function<void(const estate::TableAddress&)> on_updated)
    : context_(context), on_updated_(std::move(on_updated)) {
  for (const auto& [connection, declared] : context_.estate.connections) {
    auto group = std::make_unique<Group>();
    group->connection = connection;
    const auto add = [&](const std::string& name) {
      group->reports[name].integration = name;
      group->reports[name].connection = connection;
      (void)group->progress[name];
    };
    for (const auto* integration : CdcIntegrations(context_.estate, connection)) {
      add(integration->name);
    }
    for (const Watch& watch : WatchesOf(context_.estate, connection)) add(watch.name());
    if (!group->reports.empty()) groups_.push_back(std::move(group));
  }
  for (const auto& group : groups_) {
    group->thread =
        std::jthread([this, &group = *group](const std::stop_token& stop) { Work(group, stop); });
    group->guard = std::make_unique<SlotGuard>(
        context_.estate, context_.estate.connections.at(group->connection),
        [this, &group = *group](bool held) { Hold(group, held); });
  }
}

Supervisor::~Supervisor() {
  for (const auto& group : groups_) group->thread.request_stop();
  for (const auto& group : groups_) group->guard.reset();
  for (const auto& group : groups_) group->thread.join();
}

std::vector<FollowReport> Supervisor::Reports() const {
  const std::lock_guard lock(mutex_);
  std::vector<FollowReport> reports;
  for (const auto& group : groups_) {
    for (const auto& [name, report] : group->reports) {
      reports.push_back(report);
      reports.back().copied_rows = group->progress.at(name).rows;
      const auto kept = postgres::KeptChanges::Look(context_.spool_folder, name);
      if (kept) reports.back().kept_bytes = kept->bytes;
    }
  }
  return reports;
}

Result<Supervisor::Group*> Supervisor::GroupOf(const std::string& integration) {
  for (const auto& group : groups_) {
    if (group->reports.contains(integration)) return group.get();
  }
  return Error(
      ErrorKind::kNotFound,
      fmt::format("integration {} is not followed here: its mode is not cdc", integration));
}

Status Supervisor::Pause(const std::string& integration) {
  const std::lock_guard lock(mutex_);
  AFL_ASSIGN(Group * group, GroupOf(integration));
  group->reports[integration].state = FollowState::kPaused;
  group->restart = true;
  group->run.request_stop();
  changed_.notify_all();
  return Done{};
}

Status Supervisor::Resume(const std::string& integration) {
  const std::lock_guard lock(mutex_);
  AFL_ASSIGN(Group * group, GroupOf(integration));
  FollowReport& report = group->reports[integration];
  if (report.state != FollowState::kPaused && report.state != FollowState::kFailed) return Done{};
  report.state = FollowState::kCopying;
  report.error.clear();
  group->restart = true;
  group->run.request_stop();
  changed_.notify_all();
  return Done{};
}

Status Supervisor::Resync(const std::string& integration) {
  const std::lock_guard lock(mutex_);
  AFL_ASSIGN(Group * group, GroupOf(integration));
  FollowReport& report = group->reports[integration];
  report.state = FollowState::kCopying;
  report.error.clear();
  group->resync.insert(integration);
  group->restart = true;
  group->run.request_stop();
  changed_.notify_all();
  return Done{};
}

Result<Repaired> Supervisor::Repair(const std::string& integration, const std::stop_token& stop) {
  bool is_following = false;
  {
    const std::lock_guard lock(mutex_);
    AFL_ASSIGN(Group * group, GroupOf(integration));
    const FollowState state = group->reports[integration].state;
    if (state == FollowState::kPaused) return PausedError(integration);
    is_following = state == FollowState::kFollowing;
  }
  // What is on its way need not be repaired. For one that failed it may be the cure.
  if (is_following) AFL_TRY(CatchUp(integration, stop));
  {
    const std::lock_guard lock(mutex_);
    AFL_ASSIGN(Group * group, GroupOf(integration));
    FollowReport& report = group->reports[integration];
    report.state = FollowState::kRepairing;
    report.error.clear();
    report.repaired.reset();
    group->repair.insert(integration);
    group->restart = true;
    group->run.request_stop();
    changed_.notify_all();
  }
  AFL_TRY(CatchUp(integration, stop));
  const std::lock_guard lock(mutex_);
  AFL_ASSIGN(const Group* group, GroupOf(integration));
  return group->reports.at(integration).repaired.value_or(Repaired{});
}

Status Supervisor::CatchUp(const std::string& integration, const std::stop_token& stop) {
  std::string connection;
  {
    const std::lock_guard lock(mutex_);
    AFL_ASSIGN(const Group* group, GroupOf(integration));
    connection = group->connection;
  }
  AFL_ASSIGN(const auto endpoint, connectors::ResolveEndpoint(context_.estate, connection));
  AFL_ASSIGN(const auto source, postgres::Connect(endpoint.dsn, endpoint.overrides));
  AFL_ASSIGN(const postgres::Lsn mark, postgres::MarkLsn(source.get()));
  std::unique_lock lock(mutex_);
  AFL_ASSIGN(const Group* group, GroupOf(integration));
  const FollowReport& report = group->reports.at(integration);
  const bool ended = changed_.wait(lock, stop, [&] {
    if (report.state == FollowState::kPaused || !report.error.empty()) return true;
    const auto position = postgres::ParseLsn(report.position);
    return report.state == FollowState::kFollowing && position && *position >= mark &&
           !group->resync.contains(integration) && !group->repair.contains(integration);
  });
  if (!ended) return Error(ErrorKind::kCancelled, "stopped");
  if (report.state == FollowState::kPaused) {
    return PausedError(integration);
  }
  if (!report.error.empty()) return Error(report.error_kind, report.error);
  return Done{};
}

void Supervisor::Hold(Group& group, bool held) {
  const std::lock_guard lock(mutex_);
  group.held = held;
  changed_.notify_all();
  if (!held) return;
  group.restart = true;
  group.run.request_stop();
  for (auto& [name, report] : group.reports) {
    if (report.state == FollowState::kFollowing) report.state = FollowState::kCopying;
  }
}

void Supervisor::CountApplied(Group& group, const pipeline::Applied& applied) {
  const std::lock_guard lock(mutex_);
  for (const auto& table : applied.changes.tables) {
    FollowReport& report = group.reports[table->integration().name];
    report.changes += table->changes();
    report.dead_letters += table->dead_letters().size();
    if (table->integration().destination.table) {
      group.updated.insert(*table->integration().destination.table);
    }
  }
  group.backoff = kBackoffFirst;
  if (!applied.changes.end) return;
  for (const auto& table : std::exchange(group.updated, {})) on_updated_(table);
  const auto position = postgres::ParsePosition(*applied.changes.end);
  for (auto& [name, report] : group.reports) {
    if (report.state == FollowState::kPaused || report.state == FollowState::kFailed) continue;
    if (group.copied.contains(name)) continue;
    report.state = FollowState::kFollowing;
    report.error.clear();
    if (position.ok()) report.position = position.value().ToString();
    if (applied.changes.tables.empty()) continue;
    report.committed_at = applied.changes.committed_at;
    report.applied_at = context_.clock.Now();
  }
  changed_.notify_all();
}

Status Supervisor::RunOnce(Group& group, const std::stop_token& stop) {
  std::set<std::string> left_out;
  std::vector<std::string> resync;
  std::set<std::string> repair;
  std::stop_token run;
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return !group.held; })) return Done{};
    group.restart = false;
    group.run = std::stop_source();
    run = group.run.get_token();
    group.copied.clear();
    for (const auto& [name, report] : group.reports) {
      const bool out = report.state == FollowState::kPaused || report.state == FollowState::kFailed;
      if (out) left_out.insert(name);
    }
    for (const std::string& name : group.resync) {
      if (!left_out.contains(name)) resync.push_back(name);
    }
    for (const std::string& name : group.repair) {
      if (!left_out.contains(name) && !group.resync.contains(name)) repair.insert(name);
    }
  }
  const std::stop_callback forward(stop, [&] { group.run.request_stop(); });
  // Whoever does not take part misses what happens meanwhile.
  for (const std::string& name : left_out) {
    if (const Status done = context_.events.Unwatch(name); !done.ok()) return done;
  }
  FollowGroup follow(context_, group.connection, left_out);
  const auto progress_of = [&](const std::string& name) -> pipeline::Progress& {
    return group.progress.at(name);
  };
  FollowGroup::Hooks hooks;
  hooks.progress_of = progress_of;
  hooks.on_copied_with_dead_letters = [&](const std::string& name, std::uint64_t letters) {
    const std::lock_guard lock(mutex_);
    group.reports[name].dead_letters += letters;
  };
  hooks.on_copied = [&] {
    const std::lock_guard lock(mutex_);
    for (const std::string& name : resync) {
      group.resync.erase(name);
      group.repair.erase(name);
    }
    for (const std::string& name : repair) group.repair.erase(name);
    group.copied.clear();
    for (auto& [name, report] : group.reports) {
      if (!left_out.contains(name)) report.state = FollowState::kFollowing;
    }
    for (const auto* integration : CdcIntegrations(context_.estate, group.connection)) {
      if (integration->destination.table) on_updated_(*integration->destination.table);
    }
  };
  hooks.on_copying = [&](const std::set<std::string>& copied) {
    const std::lock_guard lock(mutex_);
    group.copied = copied;
    for (auto& [name, report] : group.reports) {
      if (left_out.contains(name)) continue;
      report.state = copied.contains(name) ? FollowState::kCopying : FollowState::kFollowing;
    }
  };
  hooks.on_applied = [&](const pipeline::Applied& applied) { CountApplied(group, applied); };
  hooks.repair = repair;
  hooks.on_repaired = [&](const std::string& name, const Repaired& repaired) {
    const std::lock_guard lock(mutex_);
    group.reports.at(name).repaired = repaired;
  };
  hooks.copies_what_fell_behind = true;
  hooks.leaves_out = true;
  Status status = Guarded([&] { return follow.Run(resync, {}, hooks, run); });
  Digest(group, status, follow.culprit());
  return status;
}

// One table's failure ends its own part, anything else all of the group's.
void Supervisor::Digest(Group& group, const Status& status, const std::string& culprit) {
  const std::lock_guard lock(mutex_);
  if (status.ok() || status.error().kind() == ErrorKind::kCancelled) return;
  const bool is_final = RetryFor(status.error().kind()) != Retry::kSoon;
  for (auto& [name, report] : group.reports) {
    if (report.state == FollowState::kPaused || report.state == FollowState::kFailed) continue;
    if (!culprit.empty() && is_final && name != culprit) continue;
    report.error = status.error().message();
    report.error_kind = status.error().kind();
    report.state = is_final && name == culprit ? FollowState::kFailed : FollowState::kWaiting;
  }
  if (!culprit.empty() && is_final) group.restart = true;
  changed_.notify_all();
  spdlog::error("connection {}: {}", group.connection, status.error().message());
}

void Supervisor::Work(Group& group, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    (void)RunOnce(group, stop);  // Digest has told what there is to tell.
    std::unique_lock lock(mutex_);
    if (group.restart) continue;
    changed_.wait_for(lock, stop, group.backoff, [&] { return group.restart; });
    group.backoff = std::min(group.backoff * 2, kBackoffMax);
  }
}

}  // namespace afluente::orchestrator
