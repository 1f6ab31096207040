#include "server/api.h"

#include <fmt/format.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "base/stop_after.h"
#include "connectors/duckdb/interrupt.h"
#include "server/answer.h"
#include "server/backup_api.h"
#include "server/documents.h"
#include "server/job_api.h"
#include "server/run_api.h"

namespace afluente::server {
namespace {

using httplib::Request;
using httplib::Response;
using nlohmann::json;

// A query whose rows leave one chunk of the response at a time.
struct RunningQuery {
  data::DuckConnection connection;
  double timeout_s = 0;
  std::unique_ptr<StopAfter> limit;
  std::unique_ptr<duck::InterruptOnStop> interrupt;  // Goes before the connection does.
  data::TextQuery rows;
};

Error ErrorOf(const RunningQuery& query, const Error& error) {
  if (!query.limit->expired()) return error;
  return {ErrorKind::kTransient,
          fmt::format("the query took more than {} s; --timeout allows more", query.timeout_s)};
}

json RowJson(const std::vector<data::Cell>& row) {
  json cells = json::array();
  for (const data::Cell& cell : row) cells.push_back(cell.valid ? json(cell.text) : json(nullptr));
  return cells;
}

// One JSON document a line: {"names", "types"}, then a row each, then {"end"} or {"error"}.
bool SendRows(RunningQuery& query, httplib::DataSink& sink) {
  std::string lines = Dump({{"names", query.rows.names}, {"types", query.rows.types}}) + "\n";
  bool is_writable = true;
  const Status read = data::ForEachRow(query.rows.result, [&](const std::vector<data::Cell>& row) {
    constexpr std::size_t kChunk = std::size_t{256} << 10U;
    lines += Dump(RowJson(row)) + "\n";
    if (lines.size() < kChunk || !is_writable) return;
    is_writable = sink.write(lines.data(), lines.size());
    lines.clear();
  });
  lines += Dump(read.ok() ? json{{"end", true}}
                          : json{{"error", ToJson(ErrorOf(query, read.error()))}}) +
           "\n";
  if (!is_writable || !sink.write(lines.data(), lines.size())) return false;
  sink.done();
  return true;
}

Result<std::shared_ptr<RunningQuery>> StartQuery(Service& service, const json& asked) {
  auto query = std::make_shared<RunningQuery>();
  AFL_ASSIGN(query->connection, service.ConnectForReading());
  constexpr double kTimeoutSeconds = 600;
  query->timeout_s = asked.value("timeout_s", kTimeoutSeconds);
  query->limit = std::make_unique<StopAfter>(service.stop(), query->timeout_s);
  query->interrupt =
      std::make_unique<duck::InterruptOnStop>(query->connection.get(), query->limit->token());
  // The warehouse is open for writing here; a question may not.
  AFL_TRY(data::Execute(query->connection.get(), "BEGIN TRANSACTION READ ONLY"));
  auto rows = data::QueryAsText(query->connection.get(), asked.value("sql", ""));
  if (!rows.ok()) return ErrorOf(*query, rows.error());
  query->rows = std::move(rows).value();
  return query;
}

void Query(Service& service, const Request& request, Response& response) {
  const auto asked = ReadBody(request, R"({"sql": "SELECT ..."})");
  if (!asked.ok()) return Answer(response, asked.error());
  auto started = StartQuery(service, asked.value());
  if (!started.ok()) return Answer(response, started.error());
  response.set_chunked_content_provider(
      "application/x-ndjson",
      [query = std::move(started).value()](std::size_t, httplib::DataSink& sink) {
        return SendRows(*query, sink);
      });
}

Result<json> Tables(Service& service) {
  AFL_ASSIGN(const auto connection, service.owner().warehouse().Connect());
  return TablesDocument(connection.get());
}

Result<json> Lag(Service& service) {
  AFL_ASSIGN(const auto verifications, service.owner().runs().Verifications());
  return LagDocument(service, verifications, SystemClock());
}

// What is followed is the supervisor's, what runs and ends the scheduler's.
using FollowedAct = Status (orchestrator::Supervisor::*)(const std::string&);
using JobAct = Status (orchestrator::Scheduler::*)(const std::string&);

void AddAction(UnixServer& http, Service& service, const std::string& name, FollowedAct followed,
               JobAct job) {
  http.Post("/api/integrations/([^/]+)/" + name,
            [&service, followed, job](const Request& request, Response& response) {
              const std::string named = request.matches[1];
              Status done = (service.supervisor().*followed)(named);
              const bool is_followed = done.ok() || done.error().kind() != ErrorKind::kNotFound;
              if (!is_followed && job != nullptr) done = (service.scheduler().*job)(named);
              if (!done.ok()) return Answer(response, done.error());
              Answer(response, json{{"integration", named}});
            });
}

}  // namespace

void AddRoutes(UnixServer& http, Service& service) {
  http.Get("/api/health",
           [](const Request&, Response& response) { Answer(response, json{{"healthy", true}}); });
  http.Get("/api/tables",
           [&service](const Request&, Response& response) { Answer(response, Tables(service)); });
  http.Get("/api/lag",
           [&service](const Request&, Response& response) { Answer(response, Lag(service)); });
  http.Post("/api/query", [&service](const Request& request, Response& response) {
    Query(service, request, response);
  });
  AddRunRoutes(http, service);
  AddJobRoutes(http, service);
  AddBackupRoutes(http, service);
  AddAction(http, service, "pause", &orchestrator::Supervisor::Pause,
            &orchestrator::Scheduler::Pause);
  AddAction(http, service, "resume", &orchestrator::Supervisor::Resume,
            &orchestrator::Scheduler::Resume);
  AddAction(http, service, "resync", &orchestrator::Supervisor::Resync, nullptr);
}

}  // namespace afluente::server
