#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/run_dags.h"
#include "cli/units.h"
#include "orchestrator/backfill.h"
#include "orchestrator/run_store.h"
#include "server/client.h"
#include "server/job_documents.h"

namespace afluente::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kShownRuns = 10;

struct BackfillFlags {
  std::string job;
  std::string from;
  std::string to;
  std::vector<std::string> params;
  bool missing_only = false;
  bool dry_run = false;
};

// Without a service only the plan can be made.
Result<json> PlanHere(const estate::Estate& estate, const orchestrator::StatePaths& paths,
                      const BackfillFlags& asked) {
  orchestrator::BackfillRequest request = {.job = asked.job, .missing_only = asked.missing_only};
  AFL_ASSIGN(request.from,
             orchestrator::ParseBackfillTime(estate, asked.job, "--from", asked.from));
  AFL_ASSIGN(request.to, orchestrator::ParseBackfillTime(estate, asked.job, "--to", asked.to));
  std::unique_ptr<orchestrator::RunStore> records;
  if (std::filesystem::exists(paths.run_store)) {
    AFL_ASSIGN(records, orchestrator::RunStore::Open(paths.run_store));
  }
  AFL_ASSIGN(
      const auto plan,
      orchestrator::PlanBackfill(estate, request, records == nullptr ? nullptr : &records->file()));
  return server::ToJson(plan);
}

void Print(const json& plan) {
  const json& runs = plan.at("runs");
  fmt::print("{}: {} runs", plan.at("job").get<std::string>(), runs.size());
  if (plan.at("left_out") != 0) {
    fmt::print(", {} more have succeeded", plan.at("left_out").get<std::size_t>());
  }
  if (!plan.at("estimated_seconds").is_null() && !runs.empty()) {
    fmt::print(", about {}, one after the other", FormatSeconds(plan.at("estimated_seconds")));
  }
  fmt::print("\n");
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (i == kShownRuns / 2 && runs.size() > kShownRuns) {
      fmt::print("  ... {} more\n", runs.size() - kShownRuns);
      i = runs.size() - kShownRuns / 2;
    }
    fmt::print("  {} to {}\n", runs[i].at("interval_start").get<std::string>(),
               runs[i].at("nominal").get<std::string>());
  }
}

Result<int> Backfill(const GlobalFlags& flags, const BackfillFlags& asked) {
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, flags.state));
  AFL_ASSIGN(const std::string params, ReadParameters(asked.params));
  json plan;
  if (const auto service = server::Client::Find(paths.root)) {
    AFL_ASSIGN(plan, service->Post("/api/jobs/" + asked.job + "/backfill",
                                   json{{"from", asked.from},
                                        {"to", asked.to},
                                        {"missing_only", asked.missing_only},
                                        {"dry_run", asked.dry_run},
                                        {"params", json::parse(params)}}));
  } else {
    AFL_ASSIGN(plan, PlanHere(estate, paths, asked));
    if (!asked.dry_run) {
      return Error(ErrorKind::kTransient,
                   fmt::format("no service runs on {}, which would do the {} runs; start one with "
                               "`afluente serve`, or look at the plan with --dry-run",
                               paths.root.string(), plan.at("runs").size()));
    }
  }
  if (flags.json) {
    fmt::print("{}\n", plan.dump(2));
    return kOk;
  }
  Print(plan);
  if (!asked.dry_run) {
    fmt::print("{} of them are new and wait for their turn; `afluente why {}` says what for\n",
               plan.at("made").get<std::size_t>(), asked.job);
  }
  return kOk;
}

}  // namespace

void AddBackfillCommand(const CommandContext& context) {
  auto asked = std::make_shared<BackfillFlags>();
  CLI::App* command = AddCommand(
      context, "backfill", "Make up for a stretch of the past",
      "  afluente backfill warehouse-loading --from 2026-11-01 --to 2026-11-08 --dry-run\n"
      "  afluente backfill warehouse-loading --from 2026-11-01 --to 2026-11-08 --missing-only\n"
      "One run for each data interval that begins in the stretch, --to left out. Live runs go\n"
      "first; runs that wait outlive the service.",
      [&flags = context.flags, asked] { return Backfill(flags, *asked); });
  command->add_option("JOB", asked->job, "A DAG, or an incremental model")->required();
  command->add_option("--from", asked->from, "A day of the job's zone, or a moment")->required();
  command->add_option("--to", asked->to, "The same")->required();
  command->add_option("--param", asked->params, "NAME=VALUE, for {{ params.NAME }}");
  command->add_flag("--missing-only", asked->missing_only,
                    "Only intervals without a run that succeeded");
  command->add_flag("--dry-run", asked->dry_run, "Only say what would run");
}

}  // namespace afluente::cli
