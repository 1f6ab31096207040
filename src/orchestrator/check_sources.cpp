#include "orchestrator/check_sources.h"

#include <fmt/format.h>

#include <future>
#include <utility>

#include "connectors/postgres/replication/readiness.h"
#include "connectors/postgres/replication/slot.h"
#include "connectors/registry.h"
#include "orchestrator/follow_group.h"

namespace afluente::orchestrator {
namespace {

using Findings = std::vector<estate::Finding>;

Result<Findings> Ask(const estate::Estate& estate, const estate::Connection& connection,
                     const postgres::Endpoint& endpoint) {
  constexpr std::chrono::seconds kPatience{3};
  auto opened = postgres::Connect(endpoint.dsn, endpoint.overrides, kPatience);
  if (!opened.ok()) {
    if (RetryFor(opened.error().kind()) == Retry::kSoon) return opened.error();
    return Findings{{connection.mark,
                     fmt::format("connection {}: {}", connection.name, opened.error().message())}};
  }
  PGconn* session = opened.value().get();
  AFL_TRY(postgres::Query(session, "SET statement_timeout = '5s'"));
  auto integrations = CdcIntegrations(estate, connection.name);
  std::vector<Watch> watches = WatchesOf(estate, connection.name);
  AFL_TRY(FitWatches(session, watches));
  for (const Watch& watch : watches) integrations.push_back(&watch.followed);
  AFL_ASSIGN(const auto ready,
             postgres::CheckReadiness(
                 session, {connection, postgres::ReplicationName(estate.name, connection.name),
                           integrations}));
  Findings findings;
  for (const postgres::Obstacle& obstacle : ready.obstacles) {
    findings.push_back({obstacle.finding.mark, fmt::format("connection {}: {}", connection.name,
                                                           obstacle.finding.message)});
  }
  return findings;
}

}  // namespace

SourceFindings CheckSources(const estate::Estate& estate) {
  SourceFindings all;
  std::vector<std::pair<std::string, std::future<Result<Findings>>>> asked;
  for (const auto& [name, connection] : estate.connections) {
    if (CdcIntegrations(estate, name).empty() && WatchesOf(estate, name).empty()) continue;
    auto endpoint = connectors::ResolveEndpoint(estate, name);
    if (!endpoint.ok()) {
      all.unresolved.push_back(endpoint.error().message());
      continue;
    }
    asked.emplace_back(name,
                       std::async(std::launch::async, [&estate, &connection = connection,
                                                       endpoint = std::move(endpoint).value()] {
                         return Ask(estate, connection, endpoint);
                       }));
  }
  for (auto& [name, answer] : asked) {
    const Result<Findings> findings = answer.get();
    if (findings.ok()) {
      all.findings.insert(all.findings.end(), findings.value().begin(), findings.value().end());
    } else {
      all.unreachable.push_back(fmt::format("connection {}: {}", name, findings.error().message()));
    }
  }
  return all;
}

}  // namespace afluente::orchestrator
