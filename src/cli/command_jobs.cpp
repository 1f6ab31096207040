// trigger, cancel, retry, clear, mark-success, why: what people ask of the scheduler.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/run_dags.h"
#include "cli/service.h"
#include "cli/signals.h"

namespace afluente::cli {
namespace {

using nlohmann::json;

struct TriggerFlags {
  std::string job;
  std::vector<std::string> params;
  bool wait = false;
};

Result<int> Trigger(const GlobalFlags& flags, const TriggerFlags& asked) {
  const StopOnSignal stop;
  AFL_ASSIGN(const std::string params, ReadParameters(asked.params));
  AFL_ASSIGN(const auto service, FindService(flags));
  if (asked.wait) {
    AFL_ASSIGN(const json run, RunThere(flags, *service, asked.job, params, stop.token()));
    if (flags.json) fmt::print("{}\n", run.dump(2));
    if (stop.token().stop_requested()) return kInterrupted;
    return run.at("state") == "succeeded" || run.at("state") == "skipped" ? kOk : kNo;
  }
  AFL_ASSIGN(const json answer, service->Post("/api/jobs/" + asked.job + "/trigger",
                                              json{{"params", json::parse(params)}}));
  if (flags.json) {
    fmt::print("{}\n", answer.dump(2));
  } else {
    fmt::print("{}\n", answer.at("run_id").get<std::string>());
  }
  return kOk;
}

Result<int> Why(const GlobalFlags& flags, const std::string& job) {
  AFL_ASSIGN(const auto service, FindService(flags));
  AFL_ASSIGN(const json answer, service->Get("/api/jobs/" + job + "/why"));
  if (flags.json) {
    fmt::print("{}\n", answer.dump(2));
    return kOk;
  }
  for (const json& reason : answer.at("reasons")) fmt::print("{}\n", reason.get<std::string>());
  return kOk;
}

struct OfRun {
  std::string run;
  std::string task;
  bool only = false;
};

Result<int> Act(const GlobalFlags& flags, const std::string& action, const OfRun& asked) {
  AFL_ASSIGN(const auto service, FindService(flags));
  AFL_ASSIGN(
      const json answer,
      service->Post("/api/runs/" + action,
                    json{{"run_id", asked.run}, {"task", asked.task}, {"and_after", !asked.only}}));
  if (flags.json) fmt::print("{}\n", answer.dump(2));
  return kOk;
}

enum class Task : std::uint8_t { kNone, kOne, kOneAndAfter };

void AddRunAction(const CommandContext& context, const std::string& name, Task task,
                  const std::string& summary, const std::string& examples) {
  auto asked = std::make_shared<OfRun>();
  CLI::App* command =
      AddCommand(context, name, summary, examples,
                 [&flags = context.flags, asked, name] { return Act(flags, name, *asked); });
  command->add_option("RUN", asked->run, "A run's id, as `afluente runs` shows it")->required();
  if (task == Task::kNone) return;
  command->add_option("TASK", asked->task, "A task of it")->required();
  if (task == Task::kOneAndAfter) {
    command->add_flag("--only", asked->only, "Not what depends on it");
  }
}

}  // namespace

void AddJobCommands(const CommandContext& context) {
  auto triggered = std::make_shared<TriggerFlags>();
  CLI::App* trigger =
      AddCommand(context, "trigger", "Run a job now, beside its schedule",
                 "  afluente trigger warehouse-loading --param day=2026-11-23\n"
                 "  afluente trigger order-processing --wait",
                 [&flags = context.flags, triggered] { return Trigger(flags, *triggered); });
  trigger->add_option("JOB", triggered->job, "An integration, a model or a DAG")->required();
  trigger->add_option("--param", triggered->params, "NAME=VALUE, for {{ params.NAME }}");
  trigger->add_flag("--wait", triggered->wait,
                    "Say how its tasks end and wait for it; Ctrl-C cancels the run");

  auto asked = std::make_shared<std::string>();
  CLI::App* why = AddCommand(context, "why", "Say why a job is not running now",
                             "  afluente why order-processing",
                             [&flags = context.flags, asked] { return Why(flags, *asked); });
  why->add_option("JOB", *asked, "An integration, a model or a DAG")->required();

  AddRunAction(context, "cancel", Task::kNone, "End a run early", "  afluente cancel RUN");
  AddRunAction(context, "retry", Task::kNone, "Run a run's failed tasks again",
               "  afluente retry RUN\nTasks that succeeded are not run again.");
  AddRunAction(context, "clear", Task::kOneAndAfter, "Run a task again, and what depends on it",
               "  afluente clear RUN TASK");
  AddRunAction(context, "mark-success", Task::kOne, "Count a task as succeeded",
               "  afluente mark-success RUN TASK\nWhat it kept from running runs.");
}

}  // namespace afluente::cli
