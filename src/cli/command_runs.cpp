#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/table.h"
#include "cli/units.h"
#include "orchestrator/job_scheduler.h"
#include "orchestrator/run_store.h"
#include "server/job_documents.h"

namespace afluente::cli {
namespace {

using nlohmann::json;
using orchestrator::JobRun;
using orchestrator::JobStore;
using orchestrator::TaskRow;

std::string Time(WallTime time) {
  return time == WallTime() ? "" : FormatRfc3339(time).substr(0, 19) + "Z";
}

std::string Took(WallTime began, WallTime ended) {
  if (began == WallTime() || ended == WallTime()) return "";
  return FormatSeconds(std::chrono::duration<double>(ended - began).count());
}

void PrintRuns(const std::vector<JobRun>& runs) {
  Table table({{"run"}, {"state"}, {"started"}, {"time", Align::kRight}, {"error"}});
  for (const JobRun& run : runs) {
    table.Add({run.id, std::string(NameOf(run.state)), Time(run.started),
               Took(run.started, run.ended), run.error});
  }
  fmt::print("{}", table.ToString());
}

void PrintTasks(const JobRun& run, const std::vector<TaskRow>& attempts) {
  fmt::print("{}: {}\n\n", run.id, NameOf(run.state));
  Table table({{"task"},
               {"attempt", Align::kRight},
               {"state"},
               {"started"},
               {"time", Align::kRight},
               {"rows", Align::kRight},
               {"error"}});
  const auto add = [&](const TaskRow& row) {
    table.Add({row.task, row.attempt == 0 ? "" : std::to_string(row.attempt),
               std::string(NameOf(row.state)), Time(row.started), Took(row.started, row.ended),
               row.rows == 0 ? "" : FormatCount(row.rows), row.error});
  };
  for (const TaskRow& task : run.tasks) {
    for (const TaskRow& attempt : attempts) {
      if (attempt.task == task.task && attempt.attempt < task.attempt) add(attempt);
    }
    add(task);
  }
  fmt::print("{}", table.ToString());
}

struct Asked {
  std::string of;
  int limit = 20;
};

Result<int> Runs(const GlobalFlags& flags, const Asked& asked) {
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, flags.state));
  std::vector<JobRun> runs;
  std::vector<TaskRow> attempts;
  const bool is_run = asked.of.find('@') != std::string::npos;
  if (std::filesystem::exists(paths.run_store)) {
    AFL_ASSIGN(const auto records, orchestrator::RunStore::Open(paths.run_store));
    JobStore store(records->file());
    if (is_run) {
      AFL_ASSIGN(JobRun run, store.Find(asked.of));
      AFL_ASSIGN(attempts, store.Attempts(asked.of));
      runs.push_back(std::move(run));
    } else {
      AFL_ASSIGN(runs, store.Recent(asked.of, asked.limit));
    }
  }
  if (flags.json) {
    json document = {{"runs", json::array()}};
    for (const JobRun& run : runs) {
      json row = server::ToJson(run);
      if (is_run) {
        row["attempts"] = json::array();
        for (const TaskRow& attempt : attempts) row["attempts"].push_back(server::ToJson(attempt));
      }
      document["runs"].push_back(std::move(row));
    }
    fmt::print("{}\n", document.dump(2, ' ', false, json::error_handler_t::replace));
  } else if (is_run && !runs.empty()) {
    PrintTasks(runs.front(), attempts);
  } else {
    PrintRuns(runs);
  }
  return kOk;
}

}  // namespace

void AddRunsCommand(const CommandContext& context) {
  auto asked = std::make_shared<Asked>();
  CLI::App* command =
      AddCommand(context, "runs", "Show what ran, newest first, or one run's tasks and attempts",
                 "  afluente runs\n"
                 "  afluente runs order-processing --limit 100\n"
                 "  afluente runs warehouse-loading@2026-11-24T04:00:00.000000+00:00/schedule",
                 [&flags = context.flags, asked] { return Runs(flags, *asked); });
  command->add_option("JOB_OR_RUN", asked->of, "Only runs of this job, or the tasks of this run");
  command->add_option("--limit", asked->limit, "How many runs")->check(CLI::Range(1, 10'000));
}

}  // namespace afluente::cli
