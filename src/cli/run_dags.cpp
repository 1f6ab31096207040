#include "cli/run_dags.h"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <map>

#include "base/stop_after.h"
#include "cli/table.h"
#include "cli/units.h"
#include "orchestrator/job_scheduler.h"
#include "orchestrator/jobs.h"
#include "server/job_documents.h"

namespace afluente::cli {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

// How a run is begun, looked at and cancelled, wherever it runs.
struct Runner {
  std::function<Result<std::string>(const std::string& dag)> trigger;
  std::function<Result<json>(const std::string& run)> show;
  std::function<void(const std::string& run)> cancel;
};

bool IsOver(const std::string& state) { return state != "queued" && state != "running"; }

void SayTask(const json& task) {
  const std::string state = task.at("state");
  const bool bad = state == "failed" || state == "upstream_failed" || state == "cancelled";
  const std::string mark = bad ? Styled(stderr, "1;31", "✗") : Styled(stderr, "32", "✓");
  std::string line = fmt::format("  {} {:<24} {}", mark, task.at("task").get<std::string>(), state);
  if (task.at("attempt") != 0) line += ", " + FormatSeconds(task.at("seconds"));
  if (task.at("rows") != 0) line += ", " + FormatCount(task.at("rows")) + " rows";
  if (!task.at("error").is_null()) line += ": " + task.at("error").get<std::string>();
  fmt::print(stderr, "{}\n", line);
}

// Says how the tasks of a run end until the run does.
Result<json> Follow(const Runner& runner, const std::string& run, bool is_quiet,
                    const std::stop_token& stop) {
  std::map<std::string, std::string> told;
  bool cancelled = false;
  while (true) {
    AFL_ASSIGN(json now, runner.show(run));
    std::multimap<std::string, const json*> ended;  // By time.
    for (const json& task : now.at("tasks")) {
      const std::string state = task.at("state");
      std::string& last = told[task.at("task")];
      if (!task.at("ended_at").is_null() && last != state)
        ended.emplace(task.at("ended_at"), &task);
      last = state;
    }
    for (const auto& [at, task] : ended) {
      if (!is_quiet) SayTask(*task);
    }
    if (IsOver(now.at("state"))) return now;
    if (stop.stop_requested() && !cancelled) {
      runner.cancel(run);
      cancelled = true;
    }
    // A stop that was asked for is on its way; the end is waited for.
    Rest(cancelled ? std::stop_token() : stop, 100ms);
  }
}

Result<json> RunOne(const Runner& runner, const GlobalFlags& flags, const std::string& job,
                    const std::stop_token& stop) {
  const bool is_quiet = flags.quiet || flags.json;
  AFL_ASSIGN(const std::string run, runner.trigger(job));
  if (!is_quiet) fmt::print(stderr, "{}\n", run);
  AFL_ASSIGN(json ended, Follow(runner, run, is_quiet, stop));
  if (!is_quiet) fmt::print(stderr, "  {}\n", ended.at("state").get<std::string>());
  return ended;
}

Result<json> RunEach(const Runner& runner, const GlobalFlags& flags,
                     const std::vector<estate::Estate::Job>& dags, const std::stop_token& stop) {
  json runs = json::array();
  for (const estate::Estate::Job& job : dags) {
    if (stop.stop_requested()) break;
    AFL_ASSIGN(json ended, RunOne(runner, flags, orchestrator::NameOf(job), stop));
    runs.push_back(std::move(ended));
  }
  return runs;
}

Runner InService(server::Client& service, const std::string& params) {
  return {[&service, params](const std::string& job) -> Result<std::string> {
            AFL_ASSIGN(const json answer, service.Post("/api/jobs/" + job + "/trigger",
                                                       json{{"params", json::parse(params)}}));
            return answer.at("run_id").get<std::string>();
          },
          [&service](const std::string& run) {
            return service.Post("/api/runs/show", json{{"run_id", run}});
          },
          [&service](const std::string& run) {
            (void)service.Post("/api/runs/cancel", json{{"run_id", run}});
          }};
}

}  // namespace

Result<std::string> ReadParameters(const std::vector<std::string>& params) {
  json values = json::object();
  for (const std::string& param : params) {
    const std::size_t equals = param.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error(ErrorKind::kInvalidConfig,
                   fmt::format("--param {} is not of the form NAME=VALUE", param));
    }
    values[param.substr(0, equals)] = param.substr(equals + 1);
  }
  return values.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<json> RunThere(const GlobalFlags& flags, server::Client& service, const std::string& job,
                      const std::string& params, const std::stop_token& stop) {
  return RunOne(InService(service, params), flags, job, stop);
}

Result<json> RunDags(const GlobalFlags& flags, const estate::Estate& estate,
                     const std::vector<estate::Estate::Job>& dags, const std::string& params,
                     server::Client* service, const std::stop_token& stop) {
  if (service != nullptr) return RunEach(InService(*service, params), flags, dags, stop);
  std::vector<std::string> names;
  for (const estate::Estate::Job& job : dags) names.push_back(orchestrator::NameOf(job));
  AFL_ASSIGN(const auto owner,
             orchestrator::Owner::Open(estate, flags.state, dags, "run", SystemClock()));
  AFL_ASSIGN(const auto jobs,
             orchestrator::JobScheduler::OpenFor(names, estate, *owner, SystemClock()));
  orchestrator::Scheduler& scheduler = jobs->scheduler();
  const Runner here = {[&](const std::string& dag) -> Result<std::string> {
                         AFL_ASSIGN(const std::string filled,
                                    orchestrator::FilledParameters(estate, dag, params));
                         return scheduler.Trigger(dag, "manual", std::nullopt, filled);
                       },
                       [&](const std::string& run) -> Result<json> {
                         AFL_ASSIGN(const orchestrator::JobRun found, scheduler.Find(run));
                         return server::ToJson(found);
                       },
                       [&](const std::string& run) { (void)scheduler.Cancel(run); }};
  return RunEach(here, flags, dags, stop);
}

}  // namespace afluente::cli
