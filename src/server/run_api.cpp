#include "server/run_api.h"

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "comparison/reconcile.h"
#include "connectors/duckdb/interrupt.h"
#include "orchestrator/jobs.h"
#include "server/answer.h"
#include "server/documents.h"

namespace afluente::server {
namespace {

using nlohmann::json;
using orchestrator::Owner;

// The run that is going on, for those who watch.
struct Running {
  std::mutex mutex;  // Guards what follows.
  std::string integration;
  std::shared_ptr<pipeline::Progress> progress;

  json Tick() {
    const std::lock_guard lock(mutex);
    if (progress == nullptr) return {{"progress", nullptr}};
    return {{"progress",
             {{"integration", integration},
              {"rows", progress->rows.load()},
              {"bytes", progress->bytes.load()},
              {"estimated_rows", progress->estimated_rows.load()}}}};
  }
};

// What is followed needs no run: it is waited for.
Owner::Outcome CatchUp(Service& service, const estate::Integration& integration, bool full_refresh,
                       const std::stop_token& stop) {
  orchestrator::Supervisor& supervisor = service.supervisor();
  return service.owner().RunOther(integration, [&](Owner::Outcome& outcome) -> Status {
    const auto changes = [&] {
      for (const auto& report : supervisor.Reports()) {
        if (report.integration == integration.name) return report.changes + report.copied_rows;
      }
      return std::uint64_t{0};
    };
    const std::uint64_t before = changes();
    if (full_refresh) AFL_TRY(supervisor.Resync(integration.name));
    AFL_TRY(supervisor.CatchUp(integration.name, stop));
    outcome.run.rows = changes() - before;
    return Done{};
  });
}

Error NotYet(const Error& error) {
  return {error.kind(),
          "the service has read the estate before this was in it: " + error.message()};
}

std::string NameIn(const json& name) { return name.is_string() ? name.get<std::string>() : ""; }

Result<std::vector<const estate::Integration*>> Asked(const Service& service, const json& body) {
  std::vector<const estate::Integration*> asked;
  for (const json& name : body.value("integrations", json::array())) {
    const auto found = service.estate().FindIntegration(NameIn(name));
    if (!found.ok()) return NotYet(found.error());
    asked.push_back(found.value());
  }
  return asked;
}

Result<std::vector<estate::Estate::Job>> AskedJobs(const Service& service, const json& body) {
  std::vector<estate::Estate::Job> asked;
  for (const json& name : body.value("integrations", json::array())) {
    const auto found = service.estate().FindJob(NameIn(name));
    if (!found.ok()) return NotYet(found.error());
    if (found.value().dag != nullptr) {
      return Error(ErrorKind::kInvalidConfig,
                   NameIn(name) + " is a DAG: POST to /api/jobs/" + NameIn(name) + "/trigger");
    }
    asked.push_back(found.value());
  }
  return asked;
}

Owner::Outcome RunOne(Service& service, const estate::Estate::Job& job, bool full_refresh,
                      pipeline::Progress& progress, const std::stop_token& stop) {
  if (job.model != nullptr) {
    Owner::Outcome outcome = service.owner().RunModel(*job.model, full_refresh, progress, stop);
    if (outcome.status.ok()) service.triggers().Updated(job.model->table);
    return outcome;
  }
  const estate::Integration& integration = *job.integration;
  Owner::Outcome outcome = integration.mode == estate::Mode::kCdc
                               ? CatchUp(service, integration, full_refresh, stop)
                               : service.owner().Run(integration, full_refresh, progress, stop);
  if (outcome.status.ok() && outcome.rows_written > 0 && integration.destination.table) {
    service.triggers().Updated(*integration.destination.table);
  }
  return outcome;
}

void RunAll(Service& service, const json& body, Running& running, const Emit& emit,
            const std::stop_token& stop) {
  const bool full_refresh = body.value("full_refresh", false);
  const auto asked = AskedJobs(service, body);
  if (!asked.ok()) return emit({{"error", ToJson(asked.error())}});
  for (const estate::Estate::Job& job : asked.value()) {
    if (stop.stop_requested()) return;
    auto progress = std::make_shared<pipeline::Progress>();
    {
      const std::lock_guard lock(running.mutex);
      running.integration = orchestrator::NameOf(job);
      running.progress = progress;
    }
    emit({{"run", ToJson(RunOne(service, job, full_refresh, *progress, stop))}});
  }
}

// One that is followed now is compared beside its stream; what is on its way is
// no difference.
bool IsFollowed(Service& service, const estate::Integration& integration) {
  for (const auto& report : service.supervisor().Reports()) {
    if (report.integration != integration.name) continue;
    return report.state == orchestrator::FollowState::kFollowing;
  }
  return false;
}

Result<json> Reconcile(Service& service, const estate::Integration& integration, bool repair,
                       const std::stop_token& stop) {
  if (repair) {
    AFL_ASSIGN(const auto done, service.verifier().Repair(integration, stop));
    return ToJson(integration, done.left, done.repaired);
  }
  if (IsFollowed(service, integration)) {
    AFL_ASSIGN(const auto result, service.verifier().Compare(integration, stop));
    return ToJson(integration, result);
  }
  AFL_ASSIGN(const auto connection, service.ConnectForReading());
  const duck::InterruptOnStop interrupt(connection.get(), stop);
  AFL_ASSIGN(const auto result,
             comparison::CompareWithSource(service.estate(), integration, connection.get(), stop));
  return ToJson(integration, result);
}

void ReconcileAll(Service& service, const json& body, const Emit& emit,
                  const std::stop_token& stop) {
  const bool repair = body.value("repair", false);
  const auto asked = Asked(service, body);
  if (!asked.ok()) return emit({{"error", ToJson(asked.error())}});
  for (const estate::Integration* integration : asked.value()) {
    if (stop.stop_requested()) return;
    const auto compared = Reconcile(service, *integration, repair, stop);
    emit(compared.ok() ? json{{"reconciliation", compared.value()}}
                       : json{{"error", ToJson(compared.error())}});
    if (!compared.ok()) return;
  }
}

}  // namespace

void AddRunRoutes(UnixServer& http, Service& service) {
  static constexpr const char* kExpected = R"({"integrations": ["NAME"]})";
  http.Post("/api/run", [&service](const httplib::Request& request, httplib::Response& response) {
    const auto body = ReadBody(request, kExpected);
    if (!body.ok()) return Answer(response, body.error());
    auto running = std::make_shared<Running>();
    AnswerInLines(
        response, service.stop(),
        [&service, body = body.value(), running](const Emit& emit, const std::stop_token& stop) {
          RunAll(service, body, *running, emit, stop);
        },
        [running] { return running->Tick(); });
  });
  http.Post("/api/reconcile",
            [&service](const httplib::Request& request, httplib::Response& response) {
              const auto body = ReadBody(request, kExpected);
              if (!body.ok()) return Answer(response, body.error());
              AnswerInLines(
                  response, service.stop(),
                  [&service, body = body.value()](const Emit& emit, const std::stop_token& stop) {
                    ReconcileAll(service, body, emit, stop);
                  },
                  [] { return json{{"progress", nullptr}}; });
            });
}

}  // namespace afluente::server
