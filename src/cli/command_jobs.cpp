// trigger, cancel, retry, clear, mark-success, why: what people ask of the scheduler.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/run_dags.h"
#include "cli/service.h"

namespace afluente::cli {
namespace {

using nlohmann::json;

Result<int> Trigger(const GlobalFlags& flags, const std::string& job,
                    const std::vector<std::string>& params) {
  AFL_ASSIGN(const std::string values, ReadParameters(params));
  AFL_ASSIGN(const auto service, FindService(flags));
  AFL_ASSIGN(const json answer,
             service->Post("/api/jobs/" + job + "/trigger", json{{"params", json::parse(values)}}));
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
  auto job = std::make_shared<std::string>();
  auto params = std::make_shared<std::vector<std::string>>();
  CLI::App* trigger =
      AddCommand(context, "trigger", "Run a job now, beside its schedule",
                 "  afluente trigger warehouse-loading --param day=2026-11-23",
                 [&flags = context.flags, job, params] { return Trigger(flags, *job, *params); });
  trigger->add_option("JOB", *job, "An integration, a model or a DAG")->required();
  trigger->add_option("--param", *params, "NAME=VALUE, for {{ params.NAME }}");

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
