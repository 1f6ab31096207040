#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/run_dags.h"
#include "cli/signals.h"
#include "cli/table.h"
#include "cli/units.h"
#include "orchestrator/jobs.h"
#include "orchestrator/run_integration.h"
#include "pipeline/model_graph.h"
#include "pipeline/transform_check.h"
#include "server/client.h"
#include "server/documents.h"

namespace afluente::cli {
namespace {

using Outcome = orchestrator::Owner::Outcome;

struct RunFlags {
  std::vector<std::string> names;
  std::vector<std::string> params;
  bool all = false;
  bool full_refresh = false;
};

using Jobs = std::vector<estate::Estate::Job>;

Result<Jobs> Choose(const estate::Estate& estate, const RunFlags& run) {
  if (run.all == !run.names.empty()) {
    return Error(ErrorKind::kInvalidConfig, run.all ? "give names or --all, not both"
                                                    : "which integration? Give names, or --all");
  }
  Jobs chosen;
  for (const std::string& name : run.names) {
    const auto found = estate.FindJob(name);
    // A name that does not exist is wrong use of the command line.
    if (!found.ok()) return Error(ErrorKind::kInvalidConfig, found.error().message());
    chosen.push_back(found.value());
  }
  if (!run.all) return chosen;
  chosen = orchestrator::AllJobs(estate);
  std::erase_if(chosen, [](const estate::Estate::Job& job) { return job.dag != nullptr; });
  return chosen;
}

Status Unfit(const std::vector<estate::Finding>& findings) {
  if (findings.empty()) return Done{};
  return Error(ErrorKind::kInvalidConfig,
               findings.front().mark.ToString() + ": " + findings.front().message);
}

// What `check` says of them without asking anybody.
Result<Jobs> CheckedInOrder(const estate::Estate& estate, Jobs chosen) {
  bool has_models = false;
  for (const estate::Estate::Job& job : chosen) {
    has_models = has_models || job.model != nullptr;
    if (job.integration == nullptr) continue;
    AFL_ASSIGN(const auto findings, pipeline::CheckTransform(*job.integration));
    AFL_TRY(Unfit(findings));
  }
  pipeline::ModelGraph graph;
  if (has_models) {
    AFL_ASSIGN(graph, pipeline::ReadModelGraph(estate));
    AFL_TRY(Unfit(graph.findings));
  }
  return orchestrator::InOrder(std::move(chosen), graph);
}

// Of this whole process: what a benchmark or a capacity plan asks for.
nlohmann::json ProcessUse() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  constexpr std::int64_t kKibibyte = 1024;
  return {{"cpu_seconds", seconds(use.ru_utime) + seconds(use.ru_stime)},
          {"peak_rss_bytes", use.ru_maxrss * kKibibyte}};
}

std::string ShownState(const Outcome& outcome) {
  const bool is_model = outcome.run.mode == "model";
  if (outcome.status.ok() && outcome.run.rows == 0 && !is_model) return "nothing new";
  return std::string(NameOf(outcome.run.state));
}

void PrintTable(const std::vector<Outcome>& outcomes) {
  Table table({{"integration"},
               {"mode"},
               {"rows", Align::kRight},
               {"written", Align::kRight},
               {"MB", Align::kRight},
               {"time", Align::kRight},
               {"MB/s", Align::kRight},
               {"result"}});
  for (const Outcome& outcome : outcomes) {
    const orchestrator::RunRecord& run = outcome.run;
    table.Add({run.job, run.mode, FormatCount(run.rows), FormatCount(outcome.rows_written),
               FormatMegabytes(run.bytes), FormatSeconds(run.seconds),
               fmt::format("{:.1f}", run.MegabytesPerSecond()), ShownState(outcome)});
  }
  fmt::print("{}", table.ToString());
}

// The worst outcome decides; an interrupt above all.
int ExitCodeOf(const std::vector<Outcome>& outcomes) {
  int worst = kOk;
  for (const Outcome& outcome : outcomes) {
    if (!outcome.status.ok())
      worst = std::max<int>(worst, ExitCodeFor(outcome.status.error().kind()));
  }
  return worst;
}

ProgressStyle StyleOf(const GlobalFlags& flags) {
  if (flags.quiet || flags.json) return ProgressStyle::kSilent;
  return IsTerminal(stderr) ? ProgressStyle::kLive : ProgressStyle::kLines;
}

void SayFailure(const Outcome& outcome) {
  if (!outcome.status.ok()) spdlog::error("{}: {}", outcome.run.job, outcome.run.error);
}

Result<std::vector<Outcome>> RunHere(const GlobalFlags& flags, const RunFlags& run,
                                     const estate::Estate& estate, const Jobs& chosen,
                                     const std::stop_token& stop) {
  AFL_ASSIGN(const auto owner,
             orchestrator::Owner::Open(estate, flags.state, chosen, "run", SystemClock()));
  std::vector<Outcome> outcomes;
  std::map<std::string, std::vector<std::string>> followed;  // Chosen cdc integrations.
  for (const estate::Estate::Job& job : chosen) {
    if (job.integration == nullptr || job.integration->mode != estate::Mode::kCdc) continue;
    followed[job.integration->source.connection].push_back(job.integration->name);
  }
  for (const auto& [connection, names] : followed) {
    if (stop.stop_requested()) break;
    std::map<std::string, pipeline::Progress> progress;
    const auto caught_up = owner->CatchUp(
        connection, run.full_refresh ? names : std::vector<std::string>(), {},
        [&](const std::string& name) -> pipeline::Progress& { return progress[name]; }, stop);
    for (const Outcome& outcome : caught_up) {
      SayFailure(outcome);
      outcomes.push_back(outcome);
    }
  }
  for (const estate::Estate::Job& job : chosen) {
    if (job.integration != nullptr && job.integration->mode == estate::Mode::kCdc) continue;
    if (stop.stop_requested()) break;
    pipeline::Progress progress;
    {
      const ProgressLine line(orchestrator::NameOf(job), progress, StyleOf(flags));
      outcomes.push_back(job.model != nullptr
                             ? owner->RunModel(*job.model, run.full_refresh, progress, stop)
                             : owner->Run(*job.integration, run.full_refresh, progress, stop));
    }
    SayFailure(outcomes.back());
  }
  return outcomes;
}

// The service that holds the state folder runs them; what it tells is shown as
// if they ran here.
Result<std::vector<Outcome>> RunThere(server::Client& service, const GlobalFlags& flags,
                                      const RunFlags& run, const Jobs& chosen,
                                      const std::stop_token& stop) {
  std::vector<std::string> names;
  for (const estate::Estate::Job& job : chosen) names.push_back(orchestrator::NameOf(job));
  std::vector<Outcome> outcomes;
  std::string shown;
  std::unique_ptr<pipeline::Progress> progress;
  std::unique_ptr<ProgressLine> line;  // Goes before what it shows.
  const Status done = service.PostForLines(
      "/api/run", {{"integrations", names}, {"full_refresh", run.full_refresh}},
      [&](const nlohmann::json& told) -> Status {
        if (told.contains("error")) return server::ErrorFromJson(told);
        if (told.contains("run")) {
          line = nullptr;
          shown.clear();
          outcomes.push_back(server::OutcomeFromJson(told.at("run")));
          SayFailure(outcomes.back());
        } else if (told.contains("progress") && told.at("progress").is_object()) {
          const nlohmann::json& now = told.at("progress");
          if (shown != now.at("integration").get<std::string>()) {
            line = nullptr;
            shown = now.at("integration");
            progress = std::make_unique<pipeline::Progress>();
            line = std::make_unique<ProgressLine>(shown, *progress, StyleOf(flags));
          }
          progress->rows = now.at("rows");
          progress->bytes = now.at("bytes");
          progress->estimated_rows = now.at("estimated_rows");
        }
        return Done{};
      },
      stop);
  if (!done.ok() && !stop.stop_requested()) return done.error();
  return outcomes;
}

Result<int> Run(const GlobalFlags& flags, const RunFlags& run) {
  const StopOnSignal stop;
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(auto asked, Choose(estate, run));
  const auto first_dag =
      std::stable_partition(asked.begin(), asked.end(),
                            [](const estate::Estate::Job& job) { return job.dag == nullptr; });
  const Jobs dags(first_dag, asked.end());
  asked.erase(first_dag, asked.end());
  if (!run.params.empty() && dags.empty()) {
    return Error(ErrorKind::kInvalidConfig, "--param is for DAGs, and none is named");
  }
  AFL_ASSIGN(const std::string params, ReadParameters(run.params));
  AFL_ASSIGN(const Jobs chosen, CheckedInOrder(estate, std::move(asked)));
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, flags.state));
  const auto service = server::Client::Find(paths.root);
  std::vector<Outcome> outcomes;
  if (!chosen.empty()) {
    AFL_ASSIGN(outcomes, service != nullptr ? RunThere(*service, flags, run, chosen, stop.token())
                                            : RunHere(flags, run, estate, chosen, stop.token()));
  }
  nlohmann::json dag_runs = nlohmann::json::array();
  if (!dags.empty() && !stop.token().stop_requested()) {
    AFL_ASSIGN(dag_runs, RunDags(flags, estate, dags, params, service.get(), stop.token()));
  }
  if (flags.json) {
    nlohmann::json document = {{"runs", nlohmann::json::array()}};
    for (const Outcome& outcome : outcomes) document["runs"].push_back(server::ToJson(outcome));
    for (nlohmann::json& dag_run : dag_runs) document["runs"].push_back(dag_run);
    document["process"] = ProcessUse();
    fmt::print("{}\n", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else if (!outcomes.empty()) {
    PrintTable(outcomes);
  }
  for (const nlohmann::json& dag_run : dag_runs) {
    if (dag_run.at("state") != "succeeded" && !stop.token().stop_requested()) {
      return std::max<int>(kNo, ExitCodeOf(outcomes));
    }
  }
  return stop.token().stop_requested() ? kInterrupted : ExitCodeOf(outcomes);
}

}  // namespace

void AddRunCommand(const CommandContext& context) {
  auto run = std::make_shared<RunFlags>();
  CLI::App* command = AddCommand(
      context, "run", "Run integrations, models and DAGs now",
      "  afluente run messages             what is new since the last run\n"
      "  afluente run user-metrics         a model, by its name or its table's\n"
      "  afluente run ml-data-preparation  a DAG, its tasks in their order\n"
      "  afluente run --all                every integration and model, what is read before what\n"
      "                                    reads it\n"
      "  afluente run messages --full-refresh\n"
      "                                    read everything again and replace the table\n"
      "A table and its checkpoint change in one commit: whatever interrupts a run, the old table\n"
      "stands. While `afluente serve` holds the warehouse, it does the running.",
      [&flags = context.flags, run] { return Run(flags, *run); });
  command->add_option("JOB", run->names, "Names of integrations, models and DAGs");
  command->add_option("--param", run->params, "NAME=VALUE, for {{ params.NAME }} of a DAG");
  command->add_flag("--all", run->all, "Every integration and every model");
  command->add_flag("--full-refresh", run->full_refresh,
                    "Forget the checkpoint and replace the destination");
}

}  // namespace afluente::cli
