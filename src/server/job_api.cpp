#include "server/job_api.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "orchestrator/backfill.h"
#include "orchestrator/shadow/apply_shadows.h"
#include "orchestrator/tasks/task_context.h"
#include "server/answer.h"
#include "server/job_documents.h"

namespace afluente::server {
namespace {

using httplib::Request;
using httplib::Response;
using nlohmann::json;
using orchestrator::Scheduler;

Result<json> Why(Service& service, const std::string& job) {
  AFL_ASSIGN(const orchestrator::WhyNot why, service.scheduler().Why(job));
  json document = {{"job", why.job}, {"reasons", why.reasons}};
  const auto shadows = orchestrator::ShadowsOf(service.estate());
  orchestrator::ShadowStore store(service.owner().runs().file());
  AFL_ASSIGN(const auto states, orchestrator::StatesOf(shadows, store));
  const auto state = states.find(job);
  if (state != states.end() && state->second == orchestrator::ShadowState::kShadow) {
    document["reasons"].push_back(
        fmt::format("it runs in shadow and writes {}; `afluente shadow {}` shows how it compares",
                    shadows.at(job).shadow.ToString(), job));
  }
  return document;
}

Result<json> Trigger(Service& service, const std::string& job, const Request& request) {
  AFL_ASSIGN(const json asked, ReadBody(request, R"({"params": {...}})"));
  const json params = asked.value("params", json());
  AFL_ASSIGN(const std::string filled,
             orchestrator::FilledParameters(service.estate(), job,
                                            params.is_object() ? params.dump() : std::string()));
  AFL_ASSIGN(std::string id, service.scheduler().Trigger(job, "manual", std::nullopt, filled));
  return json{{"run_id", std::move(id)}};
}

Result<json> Backfill(Service& service, const std::string& job, const Request& request) {
  AFL_ASSIGN(const json asked, ReadBody(request, R"({"from": "...", "to": "..."})"));
  orchestrator::BackfillRequest backfill = {.job = job};
  const estate::Estate& estate = service.estate();
  AFL_ASSIGN(backfill.from,
             orchestrator::ParseBackfillTime(estate, job, "from", asked.value("from", "")));
  AFL_ASSIGN(backfill.to,
             orchestrator::ParseBackfillTime(estate, job, "to", asked.value("to", "")));
  backfill.missing_only = asked.value("missing_only", false);
  AFL_ASSIGN(const auto plan,
             orchestrator::PlanBackfill(estate, backfill, &service.owner().runs().file()));
  json document = ToJson(plan);
  if (asked.value("dry_run", false)) return document;
  const json params = asked.value("params", json::object());
  AFL_ASSIGN(const std::string filled,
             orchestrator::FilledParameters(estate, plan.job, params.dump()));
  AFL_ASSIGN(const std::size_t made, service.scheduler().Backfill(plan.job, plan.runs, filled));
  document["made"] = made;
  return document;
}

Result<json> Show(Service& service, const Request& request) {
  AFL_ASSIGN(const json asked, ReadBody(request, R"({"run_id": "..."})"));
  AFL_ASSIGN(const orchestrator::JobRun run, service.scheduler().Find(asked.value("run_id", "")));
  return ToJson(run);
}

using Act = std::function<Status(Scheduler&, const std::string& run, const json& asked)>;

void AddAction(UnixServer& http, Service& service, const std::string& name, Act act) {
  http.Post("/api/runs/" + name,
            [&service, act = std::move(act)](const Request& request, Response& response) {
              const auto asked = ReadBody(request, R"({"run_id": "...", "task": "..."})");
              if (!asked.ok()) return Answer(response, asked.error());
              const std::string run = asked.value().value("run_id", "");
              const Status done = act(service.scheduler(), run, asked.value());
              if (!done.ok()) return Answer(response, done.error());
              Answer(response, json{{"run_id", run}});
            });
}

}  // namespace

void AddJobRoutes(UnixServer& http, Service& service) {
  http.Get("/api/jobs/([^/]+)/why", [&service](const Request& request, Response& response) {
    Answer(response, Why(service, request.matches[1]));
  });
  http.Post("/api/jobs/([^/]+)/trigger", [&service](const Request& request, Response& response) {
    Answer(response, Trigger(service, request.matches[1], request));
  });
  http.Post("/api/jobs/([^/]+)/backfill", [&service](const Request& request, Response& response) {
    Answer(response, Backfill(service, request.matches[1], request));
  });
  http.Post("/api/runs/show", [&service](const Request& request, Response& response) {
    Answer(response, Show(service, request));
  });
  AddAction(http, service, "cancel", [](Scheduler& scheduler, const std::string& run, const json&) {
    return scheduler.Cancel(run);
  });
  AddAction(http, service, "retry", [](Scheduler& scheduler, const std::string& run, const json&) {
    return scheduler.Retry(run);
  });
  AddAction(http, service, "clear",
            [](Scheduler& scheduler, const std::string& run, const json& asked) {
              return scheduler.Clear(run, asked.value("task", ""), asked.value("and_after", true));
            });
  AddAction(http, service, "mark-success",
            [](Scheduler& scheduler, const std::string& run, const json& asked) {
              return scheduler.MarkSuccess(run, asked.value("task", ""));
            });
}

}  // namespace afluente::server
