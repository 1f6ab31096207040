#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <optional>

#include "base/stop_after.h"
#include "cli/commands.h"
#include "cli/signals.h"
#include "orchestrator/job_scheduler.h"
#include "orchestrator/run_store.h"
#include "orchestrator/tasks/output.h"
#include "orchestrator/tasks/task_executor.h"
#include "server/client.h"

namespace afluente::cli {
namespace {

using nlohmann::json;
using orchestrator::JobRun;
using orchestrator::JobStore;
using orchestrator::RunState;
using orchestrator::TaskRow;

constexpr std::uint64_t kBytesMax = std::uint64_t{16} << 20U;

struct Asked {
  std::string run;
  std::string task;  // "": all.
  bool follow = false;
};

bool HasEnded(const JobRun& run) {
  return run.state != RunState::kQueued && run.state != RunState::kRunning;
}

std::filesystem::path FolderOf(const orchestrator::StatePaths& paths, const std::string& run,
                               const std::string& task, int attempt) {
  return orchestrator::TaskExecutor::FolderOf(orchestrator::AttemptsFolder(paths),
                                              {run, task, attempt});
}

void PrintDocument(const orchestrator::StatePaths& paths, const JobRun& run, const Asked& asked) {
  json document = {{"run_id", run.id}, {"state", NameOf(run.state)}, {"attempts", json::array()}};
  for (const TaskRow& task : run.tasks) {
    if (!asked.task.empty() && task.task != asked.task) continue;
    for (int attempt = 1; attempt <= task.attempt; ++attempt) {
      document["attempts"].push_back(
          {{"task", task.task},
           {"attempt", attempt},
           {"output",
            orchestrator::ReadOutput(FolderOf(paths, run.id, task.task, attempt), kBytesMax)}});
    }
  }
  fmt::print("{}\n", document.dump(2, ' ', false, json::error_handler_t::replace));
}

// What has been shown of a run, so that the next look shows the rest.
class Shown {
 public:
  Shown(const orchestrator::StatePaths& paths, Asked asked)
      : paths_(paths), asked_(std::move(asked)) {}

  void ShowNew(const JobRun& run) {
    for (const TaskRow& task : run.tasks) {
      if (!asked_.task.empty() && task.task != asked_.task) continue;
      for (int attempt = 1; attempt <= task.attempt; ++attempt) ShowOutput(run, task, attempt);
      ShowState(task);
    }
    std::fflush(stdout);
  }

 private:
  void ShowOutput(const JobRun& run, const TaskRow& task, int attempt) {
    std::uint64_t& from = shown_[{task.task, attempt}];
    const auto folder = FolderOf(paths_, run.id, task.task, attempt);
    if (!asked_.follow && from == 0) {
      std::error_code error;
      const std::uintmax_t size = std::filesystem::file_size(folder / "output", error);
      if (!error && size > kBytesMax) from = size - kBytesMax;
    }
    while (true) {
      const auto piece = orchestrator::ReadOutputFrom(folder, from, kBytesMax);
      from = piece.end;
      if (piece.text.empty()) return;
      const std::string heading = fmt::format("{}, attempt {}", task.task, attempt);
      if (heading != heading_) Line(Styled(stdout, "1", heading));
      heading_ = heading;
      fmt::print("{}", piece.text);
      at_line_begin_ = piece.text.ends_with('\n');
    }
  }

  // Of a run that is followed every change, else how tasks failed.
  void ShowState(const TaskRow& task) {
    const std::string state(NameOf(task.state));
    const std::string told =
        task.error.empty()
            ? state + " " + task.task
            : fmt::format("{} {}: {}", Styled(stdout, "1;31", state), task.task, task.error);
    const bool is_news = std::exchange(states_[task.task], told) != told;
    const bool has_begun = task.attempt > 0 || !task.error.empty();
    if (is_news && (asked_.follow ? has_begun : !task.error.empty())) {
      Line(told);
      heading_.clear();
    }
  }

  void Line(const std::string& text) {
    fmt::print("{}{}\n", at_line_begin_ ? "" : "\n", text);
    at_line_begin_ = true;
  }

  const orchestrator::StatePaths& paths_;
  const Asked asked_;
  std::map<std::pair<std::string, int>, std::uint64_t> shown_;  // How much, by task and attempt.
  std::map<std::string, std::string> states_;
  std::string heading_;  // Of what was printed last.
  bool at_line_begin_ = true;
};

// Whoever runs it holds the state folder.
bool SomebodyRuns(const orchestrator::StatePaths& paths) {
  if (server::Client::Find(paths.root) != nullptr) return true;
  const auto lock =
      orchestrator::StateLock::Take(paths.root, "logs", orchestrator::LockKind::kShared);
  return !lock.ok() && lock.error().kind() == ErrorKind::kTransient;
}

Result<JobRun> WaitForEnd(const orchestrator::StatePaths& paths, JobStore& store,
                          const Asked& asked, const std::function<void(const JobRun&)>& show,
                          const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kLook{200};
  constexpr int kLooksPerQuestion = 10;
  for (int look = 1;; ++look) {
    AFL_ASSIGN(JobRun run, store.Find(asked.run));
    show(run);
    if (HasEnded(run)) return run;
    if (look % kLooksPerQuestion == 0 && !SomebodyRuns(paths)) {
      return Error(ErrorKind::kTransient,
                   fmt::format("run {} is {}, and nothing runs on {}; it goes on when `afluente "
                               "serve` does",
                               run.id, NameOf(run.state), paths.root.string()));
    }
    Rest(stop, kLook);
    if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "stopped; the run goes on");
  }
}

Result<int> Logs(const GlobalFlags& flags, const Asked& asked) {
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, flags.state));
  std::optional<StopOnSignal> stop;
  if (asked.follow) stop.emplace();
  AFL_ASSIGN(const auto records, orchestrator::RunStore::Open(paths.run_store));
  JobStore store(records->file());
  Shown shown(paths, asked);
  const auto show = [&](const JobRun& run) {
    if (!flags.json) shown.ShowNew(run);
  };
  JobRun run;
  if (asked.follow) {
    AFL_ASSIGN(run, WaitForEnd(paths, store, asked, show, stop->token()));
  } else {
    AFL_ASSIGN(run, store.Find(asked.run));
    show(run);
  }
  if (flags.json) PrintDocument(paths, run, asked);
  if (!asked.follow) return kOk;
  if (!flags.json) fmt::print("{}: {}\n", run.id, NameOf(run.state));
  const bool is_well = run.state == RunState::kSucceeded || run.state == RunState::kSkipped;
  return is_well ? kOk : kNo;
}

}  // namespace

void AddLogsCommand(const CommandContext& context) {
  auto asked = std::make_shared<Asked>();
  CLI::App* command =
      AddCommand(context, "logs", "Show what the commands of a run printed",
                 "  afluente logs RUN\n  afluente logs RUN --task export\n"
                 "  afluente logs RUN --follow    until the run ends: exit 0 succeeded, 1 failed;\n"
                 "                                Ctrl-C ends the following, not the run",
                 [&flags = context.flags, asked] { return Logs(flags, *asked); });
  command->add_option("RUN", asked->run, "A run's id, as `afluente runs` shows it")->required();
  command->add_option("--task", asked->task, "Only this task");
  command->add_flag("--follow", asked->follow,
                    "Go on until the run ends; with --json the document comes then");
}

}  // namespace afluente::cli
