#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <memory>
#include <set>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/simulation_report.h"
#include "estate/calendar.h"
#include "estate/quantities.h"
#include "orchestrator/estate_jobs.h"
#include "orchestrator/simulation/durations.h"

namespace afluente::cli {
namespace {

using orchestrator::JobSpec;
using orchestrator::SimulatedRun;

struct SimulateFlags {
  std::string folder;
  std::string from;
  std::string to;
  std::string format = "text";
  std::string output;
  std::string assume = "1m";
};

// A day of the estate's zone, or a moment.
Result<WallTime> MomentOf(const schedule::Zone& zone, const std::string& flag,
                          const std::string& text) {
  if (const auto day = estate::ParseDay(text)) return zone.FirstAt(schedule::LocalTime(*day));
  if (const auto time = estate::ParseTime(text)) return *time;
  return Error(ErrorKind::kInvalidConfig,
               fmt::format("{}: {} is neither a day nor a moment; write 2026-11-23, or "
                           "2026-11-23T06:00:00-03:00",
                           flag, text));
}

struct Window {
  WallTime from{};
  WallTime to{};
};

// Without flags the week that begins today.
Result<Window> WindowOf(const schedule::Zone& zone, const SimulateFlags& chosen) {
  const auto today = std::chrono::floor<std::chrono::days>(zone.ToLocal(SystemClock().Now()));
  Window window{zone.FirstAt(today), {}};
  if (!chosen.from.empty()) {
    AFL_ASSIGN(window.from, MomentOf(zone, "--from", chosen.from));
  }
  window.to = zone.FirstAt(zone.ToLocal(window.from) + std::chrono::days(7));
  if (!chosen.to.empty()) {
    AFL_ASSIGN(window.to, MomentOf(zone, "--to", chosen.to));
  }
  if (window.from < window.to) return window;
  return Error(ErrorKind::kInvalidConfig, "--to is not after --from");
}

// What the jobs are; how they are done is left alone.
Result<std::vector<JobSpec>> SpecsOf(const orchestrator::TaskContext& context) {
  AFL_ASSIGN(orchestrator::EstateJobs jobs, orchestrator::JobsOf(context));
  return std::move(jobs.specs);
}

// Who waits for an updated table is started by it here, whatever starts it in `serve`.
void TriggerByAssets(const estate::Estate& estate, std::vector<JobSpec>& specs) {
  for (JobSpec& spec : specs) {
    const auto found = estate.integrations.find(spec.name);
    if (found == estate.integrations.end()) continue;
    const estate::Trigger& trigger = found->second.trigger;
    if (trigger.kind == estate::Trigger::Kind::kAsset) spec.on_asset = trigger.subject;
  }
}

struct EstateJob {
  std::string name;
  std::string mode;
  const estate::Trigger* trigger = nullptr;
};

std::vector<EstateJob> AllJobs(const estate::Estate& estate) {
  std::vector<EstateJob> jobs;
  for (const auto& [name, one] : estate.integrations) {
    jobs.push_back({name, std::string(NameOf(one.mode)), &one.trigger});
  }
  for (const auto& [address, one] : estate.models)
    jobs.push_back({one.name, "model", &one.trigger});
  for (const auto& [name, one] : estate.dags) jobs.push_back({name, "dag", &one.trigger});
  return jobs;
}

std::string TriggerText(const estate::Trigger& trigger) {
  using Kind = estate::Trigger::Kind;
  switch (trigger.kind) {
    case Kind::kNone:
      return "nothing triggers it: a person or a DAG starts it";
    case Kind::kSchedule: {
      std::vector<std::string> texts;
      for (const estate::ScheduleSpec& spec : trigger.schedules) texts.push_back(spec.ToString());
      return fmt::format("{}", fmt::join(texts, ", "));
    }
    case Kind::kContinuous:
      return "runs all the time";
    case Kind::kChange:
      return "waits for changes of " + trigger.subject;
    case Kind::kAsset:
      return "waits for updates of " + trigger.subject;
    case Kind::kWebhook:
      return "waits for webhooks at " + trigger.subject;
    case Kind::kTopic:
      return "waits for messages of " + trigger.subject;
  }
  return "";
}

std::string WhySilent(const EstateJob& job, const std::map<std::string, const JobSpec*>& specs,
                      const schedule::Zone& zone, WallTime to) {
  const std::string trigger = TriggerText(*job.trigger);
  const auto spec = specs.find(job.name);
  if (job.trigger->kind != estate::Trigger::Kind::kSchedule || spec == specs.end() ||
      !spec->second->next_fire) {
    return trigger;
  }
  const auto next = spec->second->next_fire(to - std::chrono::microseconds(1));
  return next ? fmt::format("{}: not due until {}", trigger, MomentText(zone, next->at))
              : trigger + ": never fires again";
}

// In the order in which they first run; then those without a run.
void ListJobs(const estate::Estate& estate, const std::vector<JobSpec>& specs,
              SimulationReport& report) {
  std::map<std::string, const JobSpec*> by_name;
  for (const JobSpec& spec : specs) by_name[spec.name] = &spec;
  std::map<std::string, std::size_t> first;
  for (const SimulatedRun& run : report.timeline.runs) first.emplace(run.job, first.size());
  for (const EstateJob& job : AllJobs(estate)) {
    SimulatedJob& shown = report.jobs.emplace_back();
    shown.name = job.name;
    shown.mode = job.mode;
    shown.trigger = TriggerText(*job.trigger);
    if (!first.contains(job.name)) {
      shown.silent = WhySilent(job, by_name, report.zone, report.timeline.to);
    }
  }
  const auto place = [&](const SimulatedJob& job) {
    const auto found = first.find(job.name);
    return found == first.end() ? first.size() : found->second;
  };
  std::stable_sort(
      report.jobs.begin(), report.jobs.end(),
      [&](const SimulatedJob& a, const SimulatedJob& b) { return place(a) < place(b); });
}

Result<orchestrator::Durations> DurationsOf(const estate::Estate& estate,
                                            const std::string& state) {
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, state));
  std::error_code ignored;
  if (!std::filesystem::exists(paths.run_store, ignored)) return orchestrator::Durations();
  AFL_ASSIGN(const auto runs, orchestrator::RunStore::Open(paths.run_store));
  return orchestrator::Durations::Read(runs->file());
}

Result<SimulationReport> MakeReport(const estate::Estate& estate, const std::string& state,
                                    const SimulateFlags& chosen) {
  AFL_ASSIGN(schedule::Zone zone, schedule::Zone::Find(estate.time_zone));
  AFL_ASSIGN(const Window window, WindowOf(zone, chosen));
  const auto assumed = estate::ParseDuration(chosen.assume);
  if (!assumed) {
    return Error(ErrorKind::kInvalidConfig,
                 "--assume: " + chosen.assume + " is no duration; write 30s, 5m or 2h");
  }
  AFL_ASSIGN(const orchestrator::Durations durations, DurationsOf(estate, state));
  const orchestrator::TaskContext context{estate, nullptr, SystemClock(), [](const auto&) {}};
  AFL_ASSIGN(std::vector<JobSpec> specs, SpecsOf(context));
  TriggerByAssets(estate, specs);

  std::set<std::string> guessed;
  orchestrator::SimulationOptions options;
  options.from = window.from;
  options.to = window.to;
  options.pools = estate.pools;
  options.duration = [&](const std::string& job, const std::string& task) {
    if (const auto known = durations.Find(job, task)) return *known;
    guessed.insert(job);
    return std::chrono::microseconds(*assumed);
  };
  AFL_ASSIGN(orchestrator::Timeline timeline, orchestrator::Simulate(specs, options));
  SimulationReport report{
      estate.name, std::move(zone), std::move(timeline), {}, {}, {}, {}, {}, {}, *assumed, 0};
  report.pools = orchestrator::UseOfPools(report.timeline, options.pools, options.max_tasks);
  report.files = orchestrator::UseOfFiles(report.timeline);
  report.collisions = orchestrator::FileCollisionsOf(report.timeline);
  report.overlaps = orchestrator::JobOverlapsOf(report.timeline);
  report.assumed.assign(guessed.begin(), guessed.end());
  ListJobs(estate, specs, report);
  return report;
}

Status Write(const std::string& text, const std::string& file) {
  if (file.empty()) {
    fmt::print("{}", text);
    return Done{};
  }
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (out) return Done{};
  return Error(ErrorKind::kInvalidConfig, "--output: " + file + " cannot be written");
}

Result<int> RunSimulation(GlobalFlags flags, const SimulateFlags& chosen) {
  if (!chosen.folder.empty()) flags.estate = chosen.folder;
  const auto began = SystemClock().Monotonic();
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(SimulationReport report, MakeReport(estate, flags.state, chosen));
  report.took_seconds = std::chrono::duration<double>(SystemClock().Monotonic() - began).count();
  const std::string format = flags.json ? "json" : chosen.format;
  std::string text;
  if (format == "json") {
    text = ToJson(report).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  } else {
    text = format == "svg" ? ToSvg(report) : ToText(report, chosen.output.empty());
  }
  AFL_TRY(Write(text, chosen.output));
  return kOk;
}

}  // namespace

void AddSimulateCommand(const CommandContext& context) {
  auto chosen = std::make_shared<SimulateFlags>();
  CLI::App* command = AddCommand(
      context, "simulate", "Show what would run when, and where it collides, without running it",
      "  afluente simulate                                  # the week that begins today\n"
      "  afluente simulate estates/movva --from 2026-11-23 --to 2026-11-30\n"
      "  afluente simulate --format svg --output week.svg\n"
      "Tasks take as long as they took so far (the median), or as --assume says.",
      [&flags = context.flags, chosen] { return RunSimulation(flags, *chosen); });
  command->add_option("DIR", chosen->folder, "Folder of the estate (default: as --estate)");
  command->add_option("--from", chosen->from,
                      "A day of the estate's zone, or a moment as 2026-11-23T06:00:00-03:00");
  command->add_option("--to", chosen->to, "The same; what is due then is not shown");
  command->add_option("--format", chosen->format, "How to show it")
      ->check(CLI::IsMember({"text", "svg", "json"}))
      ->capture_default_str();
  command->add_option("--output", chosen->output, "File to write to (default: stdout)");
  command->add_option("--assume", chosen->assume, "How long a task takes that never ran")
      ->capture_default_str();
}

}  // namespace afluente::cli
