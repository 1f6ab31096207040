#include "orchestrator/run_integration.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <map>
#include <set>

#include "connectors/bigquery/client.h"
#include "connectors/duckdb/change_sink.h"
#include "connectors/duckdb/model_build.h"
#include "connectors/postgres/fetched_rows.h"
#include "connectors/postgres/replication/kept_files.h"
#include "connectors/registry.h"
#include "estate/secrets.h"
#include "orchestrator/backup/state_parts.h"
#include "orchestrator/inbox/move_messages.h"
#include "pipeline/run.h"

namespace afluente::orchestrator {
namespace {

bool NeedsSalt(const estate::Integration& integration) {
  for (const auto& [name, rule] : integration.columns) {
    if (rule.mask == estate::Mask::kHash) return true;
  }
  return false;
}

// What is followed together is opened together.
std::set<const estate::Integration*> WithTheirGroups(
    const estate::Estate& estate, const std::vector<const estate::Integration*>& integrations) {
  std::set<const estate::Integration*> all(integrations.begin(), integrations.end());
  for (const estate::Integration* integration : integrations) {
    if (integration->mode != estate::Mode::kCdc) continue;
    for (const auto* member : CdcIntegrations(estate, integration->source.connection)) {
      all.insert(member);
    }
  }
  return all;
}

// The integrations among `jobs`, and the projects that the others write.
struct Written {
  std::vector<const estate::Integration*> integrations;
  std::set<std::string> projects;
};

void Collect(const estate::Estate& estate, const estate::Estate::Job& job, Written& written);

// A DAG writes what its tasks write; that no DAG runs itself is checked with the estate.
void CollectTask(const estate::Estate& estate, const estate::TaskAction& action, Written& written) {
  if (const auto* task = std::get_if<estate::IntegrationTask>(&action)) {
    written.integrations.push_back(&estate.integrations.at(task->integration));
  } else if (const auto* model = std::get_if<estate::ModelTask>(&action)) {
    written.projects.insert(model->table.project);
  } else if (const auto* sql = std::get_if<estate::SqlTask>(&action)) {
    written.projects.insert(sql->project);
  } else if (const auto* predict = std::get_if<estate::PredictTask>(&action)) {
    written.projects.insert(predict->into.project);
  } else if (const auto* dag = std::get_if<estate::DagTask>(&action)) {
    Collect(estate, {.dag = &estate.dags.at(dag->dag)}, written);
  }
}

void Collect(const estate::Estate& estate, const estate::Estate::Job& job, Written& written) {
  if (job.integration != nullptr) written.integrations.push_back(job.integration);
  if (job.model != nullptr) written.projects.insert(job.model->table.project);
  if (job.dag == nullptr) return;
  for (const estate::Task& task : job.dag->tasks) CollectTask(estate, task.action, written);
}

// What does not run on BigQuery yet.
Status CheckBigquery(const estate::Estate& estate, const Written& written) {
  for (const estate::Integration* integration : written.integrations) {
    AFL_TRY(connectors::CheckEngine(estate, *integration));
  }
  if (written.projects.empty()) return Done{};
  return Error(ErrorKind::kInvalidConfig,
               "models and the tasks sql and predict do not run on BigQuery yet; choose a profile "
               "with the engine duckdb");
}

Status CheckMode(const estate::Integration& integration) {
  const estate::Source& source = integration.source;
  const bool has_rows = !source.table.empty() || !source.query.empty() || source.warehouse_table;
  if (integration.mode == estate::Mode::kSnapshot ||
      integration.mode == estate::Mode::kIncremental ||
      (integration.mode == estate::Mode::kEvent && has_rows) || inbox::ReadsInbox(integration)) {
    return Done{};
  }
  return Error(
      ErrorKind::kInvalidConfig,
      fmt::format("{}: integration {} has mode {}, which `run` does not play; expected "
                  "snapshot, incremental, cdc, stream or event",
                  integration.mark.ToString(), integration.name, NameOf(integration.mode)));
}

Error NotAgain(const estate::Integration& integration) {
  return {
      ErrorKind::kInvalidConfig,
      fmt::format("{}: what {} has brought is kept in the destination alone, and a full refresh "
                  "would begin it anew; run it without --full-refresh",
                  integration.source.mark.ToString(), inbox::FeedOf(integration))};
}

// Mode event without an event: all that the source has.
estate::Integration AsSnapshot(const estate::Integration& integration) {
  estate::Integration snapshot = integration;
  if (inbox::ReadsInbox(integration)) return snapshot;  // Which is what waits there.
  if (snapshot.mode == estate::Mode::kEvent) snapshot.mode = estate::Mode::kSnapshot;
  return snapshot;
}

void TellDeadLetters(const std::string& integration, std::uint64_t letters) {
  if (letters == 0) return;
  spdlog::warn("{}: {} rows could not be converted and stand among the dead letters", integration,
               letters);
}

}  // namespace

std::string_view TriggeredBy(const estate::Integration& integration) {
  if (integration.mode == estate::Mode::kCdc) return "";
  switch (integration.trigger.kind) {
    case estate::Trigger::Kind::kChange:
      return "change";
    case estate::Trigger::Kind::kAsset:
      return "asset";
    case estate::Trigger::Kind::kWebhook:
      return "webhook";
    case estate::Trigger::Kind::kTopic:
      return "topic";
    case estate::Trigger::Kind::kContinuous:
      if (!integration.source.topic.empty()) return "topic";
      return integration.source.webhook.empty() ? "" : "webhook";
    case estate::Trigger::Kind::kNone:
    case estate::Trigger::Kind::kSchedule:
      break;
  }
  return "";
}

Result<std::unique_ptr<Owner>> Owner::Open(const estate::Estate& estate,
                                           const std::filesystem::path& state_root,
                                           const std::vector<estate::Estate::Job>& jobs,
                                           const std::string& command, const Clock& clock) {
  AFL_ASSIGN(StatePaths paths, PathsOf(estate, state_root));
  AFL_ASSIGN(StateLock lock, StateLock::Take(paths.root, command));
  std::unique_ptr<Owner> owner(new Owner(estate, std::move(paths), std::move(lock), clock));

  for (const auto& [name, integration] : estate.integrations) (void)owner->running_[name];
  for (const auto& [address, model] : estate.models) (void)owner->running_[model.name];
  duck::WarehouseOptions options;
  options.folder = owner->paths_.warehouse;
  options.lake = owner->paths_.lake;
  Written written;
  for (const estate::Estate::Job& job : jobs) Collect(estate, job, written);
  const bool is_bigquery = estate.warehouse.engine == estate::WarehouseEngine::kBigquery;
  if (is_bigquery) {
    AFL_TRY(CheckBigquery(estate, written));
    AFL_ASSIGN(owner->bigquery_, bigquery::OpenClient(estate.warehouse.location, clock));
  }
  std::set<std::string>& projects = written.projects;
  bool needs_salt = false;
  for (const estate::Integration* integration : WithTheirGroups(estate, written.integrations)) {
    if (integration->destination.table && !is_bigquery) {
      projects.insert(integration->destination.table->project);
    }
    const std::string memory = connectors::MemoryProject(estate, *integration);
    // A source's file is not made: without it there is nothing to send. BigQuery has none.
    const bool is_source = integration->source.warehouse_table && !is_bigquery;
    if (!memory.empty() && !is_source) projects.insert(memory);
    needs_salt = needs_salt || NeedsSalt(*integration);
  }
  options.create.assign(projects.begin(), projects.end());
  if (needs_salt) {
    AFL_ASSIGN(options.mask_salt,
               estate::ResolveSecrets(estate.mask_salt, estate.folder).Within([] {
                 return std::string("mask_salt");
               }));
  }
  AFL_ASSIGN(owner->warehouse_, duck::Warehouse::Open(options));
  AFL_TRY(postgres::CheckKeptVersions(owner->paths_.root / kSpoolPart));
  AFL_ASSIGN(owner->runs_, RunStore::Open(owner->paths_.run_store));
  AFL_ASSIGN(owner->events_, EventStore::Open(owner->paths_.event_store));
  AFL_ASSIGN(owner->inbox_, Inbox::Open(*owner->events_, estate, clock));
  AFL_TRY(owner->runs_->FailAbandoned(FormatRfc3339(clock.Now())));
  return owner;
}

FollowGroupContext Owner::FollowContext() {
  return {estate_, *warehouse_, *events_, paths_.lake, paths_.root / kSpoolPart, clock_};
}

Status Owner::Move(const estate::Integration& integration, bool full_refresh,
                   pipeline::Progress& progress, const std::stop_token& stop, Outcome& outcome) {
  AFL_TRY(CheckMode(integration));
  if (inbox::ReadsInbox(integration)) {
    if (full_refresh) return NotAgain(integration);
    return MoveMessages({estate_, {*warehouse_, paths_.lake, bigquery_, stop}, *inbox_, clock_},
                        integration, progress, stop, [&](const pipeline::Committed& committed) {
                          Count(integration, committed, outcome);
                        });
  }
  AFL_ASSIGN(const auto sink,
             connectors::OpenSink(estate_, integration, {*warehouse_, paths_.lake, bigquery_, stop},
                                  full_refresh));
  AFL_ASSIGN(const auto stored, sink->Stored());
  AFL_ASSIGN(const auto source,
             connectors::OpenSource(estate_, integration,
                                    {*warehouse_, *inbox_, clock_, {}, bigquery_, stop}, stored,
                                    progress));
  AFL_ASSIGN(const pipeline::Committed committed, pipeline::Run(*source, *sink, progress, stop));
  Count(integration, committed, outcome);
  return Done{};
}

void Owner::Count(const estate::Integration& integration, const pipeline::Committed& committed,
                  Outcome& outcome) {
  outcome.rows_written += committed.rows_written;
  outcome.dead_letters += committed.dead_letters;
  TellDeadLetters(integration.name, committed.dead_letters);
  for (const std::string& change : committed.schema_changes) {
    spdlog::info("{}: {}", integration.name, change);
    outcome.schema_changes.push_back(change);
  }
}

Status Owner::MoveKeys(const estate::Integration& integration, const EventStore::Pending& pending,
                       pipeline::Progress& progress, const std::stop_token& stop,
                       Outcome& outcome) {
  AFL_ASSIGN(const auto sink, duck::OpenChangeSink(*warehouse_, {&integration}));
  AFL_ASSIGN(const auto stored, sink->Stored());
  if (!stored.contains(integration.name)) {
    return Move(AsSnapshot(integration), false, progress, stop, outcome);
  }
  AFL_ASSIGN(const auto endpoint,
             connectors::ResolveEndpoint(estate_, integration.source.connection));
  pipeline::ChangeSet set;
  set.end = stored.at(integration.name);
  AFL_ASSIGN(auto fetched,
             postgres::FetchRows(endpoint, integration, pending.keys, progress, stop).Within([&] {
               return "connection " + integration.source.connection;
             }));
  set.tables.push_back(std::move(fetched));
  AFL_TRY(sink->Apply(set));
  outcome.rows_written = progress.rows;
  return Done{};
}

Owner::Outcome Owner::RunPending(const estate::Integration& integration,
                                 pipeline::Progress& progress, const std::stop_token& stop) {
  constexpr int kKeysMax = 1'000;
  return WorkOff(integration, std::string(TriggeredBy(integration)), kKeysMax, progress,
                 [&](const EventStore::Pending& pending, Outcome& outcome) {
                   if (FetchesByKey(integration) && !pending.everything) {
                     Status fetched = MoveKeys(integration, pending, progress, stop, outcome);
                     const bool is_no_key = !fetched.ok() && !integration.trigger.key.empty() &&
                                            fetched.error().kind() == ErrorKind::kConversion;
                     if (!is_no_key) return fetched;
                     // A sender may name anything as a key.
                     spdlog::warn("{}: everything is read, since a key is none: {}",
                                  integration.name, fetched.error().message());
                   }
                   return Move(AsSnapshot(integration), false, progress, stop, outcome);
                 });
}

Owner::Outcome Owner::Run(const estate::Integration& integration, bool full_refresh,
                          pipeline::Progress& progress, const std::stop_token& stop) {
  constexpr int kNoKeys = 0;
  return WorkOff(integration, "manual", kNoKeys, progress,
                 [&](const EventStore::Pending&, Outcome& outcome) {
                   return Move(AsSnapshot(integration), full_refresh, progress, stop, outcome);
                 });
}

Owner::Outcome Owner::RunOther(const estate::Integration& integration,
                               const std::function<Status(Outcome&)>& work) {
  pipeline::Progress progress;
  return Record(WordsOf(integration), "manual", progress, [&](Outcome& outcome) -> Status {
    AFL_TRY(work(outcome));
    progress.rows = outcome.run.rows;
    return Done{};
  });
}

Status Owner::TakePending(const estate::Integration& integration, int key_limit,
                          const PendingWork& work, Outcome& outcome) {
  AFL_ASSIGN(const auto pending, events_->Peek(integration.name, key_limit));
  const Status done = work(pending, outcome);
  if (done.ok()) return events_->Forget(integration.name, pending.last);
  if (pending.marked) events_->Mark(integration.name);
  return done;
}

Owner::Outcome Owner::WorkOff(const estate::Integration& integration, const std::string& trigger,
                              int key_limit, pipeline::Progress& progress,
                              const PendingWork& work) {
  const std::lock_guard one_at_a_time(running_.at(integration.name));
  return Record(WordsOf(integration), trigger, progress, [&](Outcome& outcome) {
    return TakePending(integration, key_limit, work, outcome);
  });
}

Owner::Outcome Owner::Work(const estate::Integration& integration, pipeline::Progress& progress,
                           const std::stop_token& stop) {
  const std::lock_guard one_at_a_time(running_.at(integration.name));
  Outcome outcome;
  constexpr int kNoKeys = 0;
  outcome.status = Guarded([&] {
    return TakePending(
        integration, kNoKeys,
        [&](const EventStore::Pending&, Outcome& running) {
          return Move(AsSnapshot(integration), false, progress, stop, running);
        },
        outcome);
  });
  outcome.run.rows = progress.rows;
  outcome.run.bytes = progress.bytes;
  return outcome;
}

Owner::Outcome Owner::Work(const estate::Model& model, pipeline::Progress& progress,
                           const std::stop_token& stop,
                           const std::optional<estate::Interval>& only) {
  const std::lock_guard one_at_a_time(running_.at(model.name));
  Outcome outcome;
  outcome.status = Guarded([&] { return Build(model, false, only, progress, stop, outcome); });
  outcome.run.rows = progress.rows;
  outcome.run.bytes = progress.bytes;
  return outcome;
}

Status Owner::Build(const estate::Model& model, bool full_refresh,
                    const std::optional<estate::Interval>& only, pipeline::Progress& progress,
                    const std::stop_token& stop, Outcome& outcome) {
  AFL_ASSIGN(duck::ModelBuilt built, duck::BuildModel(*warehouse_, estate_, model, full_refresh,
                                                      clock_.Now(), progress, stop, only));
  outcome.rows_written = built.rows;
  outcome.schema_changes = std::move(built.schema_changes);
  outcome.warnings = std::move(built.warnings);
  for (const std::string& change : outcome.schema_changes) {
    spdlog::info("{}: {}", model.name, change);
  }
  for (const std::string& warning : outcome.warnings) spdlog::warn("{}: {}", model.name, warning);
  return Done{};
}

Owner::Outcome Owner::RunModel(const estate::Model& model, bool full_refresh,
                               pipeline::Progress& progress, const std::stop_token& stop) {
  const std::lock_guard one_at_a_time(running_.at(model.name));
  return Record(WordsOf(model), "manual", progress, [&](Outcome& outcome) {
    return Build(model, full_refresh, std::nullopt, progress, stop, outcome);
  });
}

Owner::JobWords Owner::WordsOf(const estate::Integration& integration) {
  return {integration.name, std::string(NameOf(integration.mode)), ""};
}

Owner::JobWords Owner::WordsOf(const estate::Model& model) const {
  return {model.name, "model", std::string(NameOf(estate_.warehouse.engine))};
}

Owner::Outcome Owner::Record(const JobWords& job, const std::string& trigger,
                             const pipeline::Progress& progress,
                             const std::function<Status(Outcome&)>& work) {
  Outcome outcome;
  Begin(job, trigger, outcome);
  const auto began = clock_.Monotonic();
  outcome.status = Guarded([&]() -> Status {
    AFL_TRY(runs_->Insert(outcome.run));
    return work(outcome);
  });
  Finish(progress, clock_.Monotonic() - began, outcome);
  return outcome;
}

void Owner::Begin(const JobWords& job, const std::string& trigger, Outcome& outcome) const {
  RunRecord& run = outcome.run;
  run.started_at = FormatRfc3339(clock_.Now());
  run.job = job.name;
  run.mode = job.mode;
  run.engine = job.engine;
  run.id = fmt::format("{}@{}/{}", run.job, run.started_at, trigger);
}

void Owner::Finish(const pipeline::Progress& progress, std::chrono::nanoseconds took,
                   Outcome& outcome) {
  RunRecord& run = outcome.run;
  run.ended_at = FormatRfc3339(clock_.Now());
  run.seconds = std::chrono::duration<double>(took).count();
  run.rows = progress.rows;
  run.bytes = progress.bytes;
  run.state = RunState::kSucceeded;
  if (!outcome.status.ok()) {
    const Error& error = outcome.status.error();
    run.state = error.kind() == ErrorKind::kCancelled ? RunState::kCancelled : RunState::kFailed;
    run.error_kind = NameOf(error.kind());
    run.error = error.message();
  }
  if (const Status recorded = runs_->Finish(run); !recorded.ok() && outcome.status.ok()) {
    spdlog::warn("{}", recorded.error().message());
  }
}

std::vector<Owner::Outcome> Owner::CatchUp(
    const std::string& connection, const std::vector<std::string>& resync,
    const std::set<std::string>& repair,
    const std::function<pipeline::Progress&(const std::string&)>& progress_of,
    const std::stop_token& stop) {
  std::map<std::string, Outcome> outcomes;
  for (const estate::Integration* integration : CdcIntegrations(estate_, connection)) {
    Begin(WordsOf(*integration), "manual", outcomes[integration->name]);
  }
  const auto began = clock_.Monotonic();
  const Status status = Guarded([&]() -> Status {
    for (const auto& [name, outcome] : outcomes) AFL_TRY(runs_->Insert(outcome.run));
    FollowGroup group(FollowContext(), connection);
    pipeline::FollowOptions options;
    options.until_caught_up = true;
    const auto count = [&](const pipeline::Applied& applied) {
      spdlog::debug("applied {} changes, {:.1f} MB, in {:.0f} ms", applied.changes.changes,
                    static_cast<double>(applied.changes.bytes) / 1e6,
                    std::chrono::duration<double, std::milli>(applied.took).count());
      for (const auto& table : applied.changes.tables) {
        const std::string& name = table->integration().name;
        progress_of(name).rows += table->changes();
        outcomes[name].rows_written += table->rows() + table->incomplete_rows();
        outcomes[name].dead_letters += table->dead_letters().size();
      }
    };
    FollowGroup::Hooks hooks;
    hooks.progress_of = progress_of;
    hooks.on_applied = count;
    hooks.repair = repair;
    hooks.on_repaired = [&](const std::string& name, const Repaired& repaired) {
      outcomes[name].repaired = repaired;
      if (repaired.copy_instead.empty()) {
        outcomes[name].rows_written += repaired.rows.missing + repaired.rows.different;
      }
    };
    hooks.on_copied_with_dead_letters = [&](const std::string& name, std::uint64_t letters) {
      outcomes[name].dead_letters += letters;
    };
    return group.Run(resync, options, hooks, stop).Within([&] {
      return "connection " + connection;
    });
  });
  std::vector<Outcome> finished;
  for (auto& [name, outcome] : outcomes) {
    outcome.status = status;
    TellDeadLetters(name, outcome.dead_letters);
    Finish(progress_of(name), clock_.Monotonic() - began, outcome);
    finished.push_back(std::move(outcome));
  }
  return finished;
}

}  // namespace afluente::orchestrator
