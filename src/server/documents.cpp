#include "server/documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/names.h"
#include "connectors/duckdb/warehouse.h"
#include "connectors/duckdb/warehouse_copy.h"
#include "connectors/postgres/replication/slot.h"
#include "connectors/registry.h"
#include "orchestrator/slot_guard.h"
#include "server/service.h"

namespace afluente::server {
namespace {

using nlohmann::json;

double Seconds(std::chrono::microseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

struct SourceState {
  std::optional<postgres::SlotState> slot;
  postgres::Lsn current;
};

Result<SourceState> AskSource(const estate::Estate& estate, const std::string& connection,
                              const std::string& slot) {
  AFL_ASSIGN(const auto endpoint, connectors::ResolveEndpoint(estate, connection));
  AFL_ASSIGN(const auto opened, postgres::Connect(endpoint.dsn, endpoint.overrides));
  SourceState state;
  AFL_ASSIGN(state.current, postgres::CurrentLsn(opened.get()));
  AFL_ASSIGN(state.slot, postgres::ReadSlot(opened.get(), slot));
  return state;
}

json Limit(const std::optional<std::int64_t>& bytes) { return bytes ? json(*bytes) : json(); }

json SlotJson(const estate::Connection& connection, const std::string& slot,
              const Result<SourceState>& state) {
  json document = {{"connection", connection.name},
                   {"slot", slot},
                   {"max_retained_bytes", Limit(connection.max_retained_wal)},
                   {"drop_above_bytes", Limit(connection.drop_slot_above)}};
  if (!state.ok()) {
    document["error"] = ToJson(state.error());
  } else if (!state.value().slot) {
    document["error"] = {{"kind", "not_found"}, {"message", "the slot does not exist"}};
  } else {
    document["health"] = NameOf(orchestrator::HealthOf(*state.value().slot, connection));
    document["wal_status"] = state.value().slot->wal_status;
    document["active"] = state.value().slot->active;
    document["retained_bytes"] = state.value().slot->retained_bytes;
    document["confirmed"] = state.value().slot->confirmed.ToString();
  }
  return document;
}

json FollowJson(const orchestrator::FollowReport& report, const Result<SourceState>& source,
                const Clock& clock) {
  json document = {{"integration", report.integration},
                   {"connection", report.connection},
                   {"state", NameOf(report.state)},
                   {"changes", report.changes},
                   {"copied_rows", report.copied_rows},
                   {"kept_bytes", report.kept_bytes},
                   {"dead_letters", report.dead_letters},
                   {"position", nullptr},
                   {"lag_bytes", nullptr},
                   {"lag_seconds", nullptr},
                   {"latency_seconds", nullptr},
                   {"error", nullptr}};
  if (!report.error.empty()) document["error"] = report.error;
  if (!report.position.empty()) document["position"] = report.position;
  if (report.applied_at != WallTime{}) {
    document["latency_seconds"] = Seconds(report.applied_at - report.committed_at);
    document["last_commit_at"] = FormatRfc3339(report.committed_at);
  }
  const auto position = postgres::ParseLsn(report.position);
  if (!position || !source.ok()) return document;
  const bool level = *position >= source.value().current;
  document["lag_bytes"] = level ? 0 : source.value().current.value - position->value;
  document["lag_seconds"] =
      level || report.applied_at == WallTime{} ? 0.0 : Seconds(clock.Now() - report.committed_at);
  return document;
}

json ToJson(const orchestrator::TriggerReport& report) {
  json document = {{"integration", report.integration},
                   {"on", report.on},
                   {"subject", report.subject},
                   {"state", NameOf(report.state)},
                   {"pending", report.pending},
                   {"runs", report.runs},
                   {"rows", report.rows},
                   {"last_run_at", nullptr},
                   {"error", nullptr}};
  if (report.last_run_at != WallTime{}) {
    document["last_run_at"] = FormatRfc3339(report.last_run_at);
  }
  if (!report.error.empty()) document["error"] = report.error;
  return document;
}

json PubsubJson(const Service& service) {
  json subscriptions = json::array();
  for (const orchestrator::SubscriptionReport& report : service.subscriptions().Reports()) {
    subscriptions.push_back({{"topic", report.topic},
                             {"subscription", report.subscription},
                             {"received", report.received},
                             {"outstanding", report.outstanding},
                             {"error", report.error.empty() ? json() : json(report.error)}});
  }
  json listen;
  if (service.publish_door() != nullptr) listen = service.publish_door()->address();
  return {{"listen", std::move(listen)}, {"subscriptions", std::move(subscriptions)}};
}

}  // namespace

json ToJson(const Error& error) {
  return {{"kind", NameOf(error.kind())}, {"message", error.message()}};
}

std::string Dump(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

Error ErrorFromJson(const json& document) {
  constexpr std::array kKinds = {ErrorKind::kInvalidConfig, ErrorKind::kUnauthorized,
                                 ErrorKind::kNotFound,      ErrorKind::kSchemaMismatch,
                                 ErrorKind::kConversion,    ErrorKind::kTransient,
                                 ErrorKind::kCancelled,     ErrorKind::kInternal};
  const json error =
      document.is_object() ? document.value("error", json::object()) : json::object();
  const std::string kind = error.value("kind", "");
  const auto found = std::find_if(kKinds.begin(), kKinds.end(),
                                  [&](ErrorKind known) { return NameOf(known) == kind; });
  if (found == kKinds.end()) return {ErrorKind::kInternal, "the service gives no answer"};
  return {*found, error.value("message", "")};
}

json ToJson(const orchestrator::RunRecord& run) {
  json document = {{"integration", run.job},
                   {"run_id", run.id},
                   {"mode", run.mode},
                   {"state", NameOf(run.state)},
                   {"started_at", run.started_at},
                   {"ended_at", run.ended_at},
                   {"rows", run.rows},
                   {"bytes", run.bytes},
                   {"seconds", run.seconds},
                   {"error", nullptr}};
  if (!run.error.empty()) document["error"] = {{"kind", run.error_kind}, {"message", run.error}};
  if (!run.engine.empty()) document["engine"] = run.engine;
  return document;
}

json ToJson(const orchestrator::Owner::Outcome& outcome) {
  json document = ToJson(outcome.run);
  document["rows_written"] = outcome.rows_written;
  document["dead_letters"] = outcome.dead_letters;
  document["mb_per_s"] = outcome.run.MegabytesPerSecond();
  document["schema_changes"] = outcome.schema_changes;
  document["warnings"] = outcome.warnings;
  return document;
}

orchestrator::Owner::Outcome OutcomeFromJson(const json& document) {
  orchestrator::Owner::Outcome outcome;
  orchestrator::RunRecord& run = outcome.run;
  run.job = document.at("integration");
  run.id = document.at("run_id");
  run.mode = document.at("mode");
  run.engine = document.value("engine", "");
  run.state = orchestrator::ParseRunState(document.at("state").get<std::string>());
  run.started_at = document.at("started_at");
  run.ended_at = document.at("ended_at");
  run.rows = document.at("rows");
  run.bytes = document.at("bytes");
  run.seconds = document.at("seconds");
  outcome.rows_written = document.at("rows_written");
  outcome.dead_letters = document.at("dead_letters");
  outcome.schema_changes = document.at("schema_changes");
  outcome.warnings = document.value("warnings", std::vector<std::string>());
  if (document.at("error").is_null()) return outcome;
  const Error error = ErrorFromJson(document);
  run.error_kind = NameOf(error.kind());
  run.error = error.message();
  outcome.status = error;
  return outcome;
}

json ToJson(const estate::Integration& integration, const comparison::Reconciliation& result,
            const std::optional<orchestrator::Repaired>& repaired) {
  json document = {{"integration", integration.name},
                   {"source_rows", result.source_rows},
                   {"destination_rows", result.destination_rows},
                   {"differences", result.differences},
                   {"sample", json::array()},
                   {"columns", json::array()},
                   {"notes", result.notes}};
  for (const auto& difference : result.sample) {
    json key = json::object();
    for (std::size_t i = 0; i < difference.key.size(); ++i) {
      key[result.key[i]] = difference.key[i];
    }
    document["sample"].push_back({{"kind", comparison::NameOf(difference.kind)},
                                  {"key", key},
                                  {"columns", difference.columns}});
  }
  for (const auto& column : result.columns) {
    const bool by_value = column.comparison == comparison::Comparison::kValue;
    const bool by_nulls = column.comparison == comparison::Comparison::kNulls;
    document["columns"].push_back({{"name", column.name},
                                   {"compared_by", by_value   ? "value"
                                                   : by_nulls ? "nulls"
                                                              : "nothing"},
                                   {"why", column.why}});
  }
  if (repaired) {
    document["repaired"] = repaired->rows.total();
    document["repaired_rows"] = {{"missing", repaired->rows.missing},
                                 {"extra", repaired->rows.extra},
                                 {"different", repaired->rows.different}};
    document["copied"] = nullptr;
    if (!repaired->copy_instead.empty()) document["copied"] = repaired->copy_instead;
  }
  return document;
}

json ToJson(const orchestrator::VerificationRecord& record) {
  json document = {{"integration", record.integration},
                   {"verified_at", FormatRfc3339(record.verified_at)},
                   {"rows", record.rows},
                   {"differences", record.differences},
                   {"repaired", record.repaired},
                   {"error", nullptr}};
  if (!record.error.empty()) document["error"] = record.error;
  return document;
}

std::string ToldOfVerification(const json& document) {
  if (document.is_null()) return "";
  if (!document.at("error").is_null()) {
    return "failed: " + document.at("error").get<std::string>();
  }
  const std::uint64_t differences = document.at("differences");
  const std::uint64_t repaired = document.at("repaired");
  if (differences == 0) return "equal";
  return repaired == 0 ? fmt::format("{} differ", differences)
                       : fmt::format("{} differ, {} repaired", differences, repaired);
}

Result<json> TablesDocument(duckdb_connection connection) {
  AFL_ASSIGN(
      const auto names,
      data::QueryCells(
          connection,
          fmt::format("SELECT database_name, schema_name, table_name, "
                      "column_count, false AS is_view FROM duckdb_tables() "
                      "WHERE schema_name <> {0} AND NOT starts_with(table_name, {1}) "
                      "AND NOT starts_with(database_name, {2}) "
                      "AND NOT temporary UNION ALL SELECT database_name, schema_name, "
                      "view_name, column_count, true FROM duckdb_views() WHERE NOT internal AND "
                      "NOT temporary AND database_name <> 'memory' "
                      "AND NOT starts_with(database_name, {2}) ORDER BY ALL",
                      QuoteLiteral(duck::kSystemSchema), QuoteLiteral(duck::kStagePrefix),
                      QuoteLiteral(duck::kCopyPrefix))));
  json tables = json::array();
  for (const auto& row : names) {
    const auto count = data::QueryCells(
        connection, fmt::format("SELECT count(*) FROM {}.{}.{}", QuoteIdentifier(row[0].text),
                                QuoteIdentifier(row[1].text), QuoteIdentifier(row[2].text)));
    const bool is_view = row[4].text == "true";
    if (!count.ok() && !is_view) return count.error();
    tables.push_back({{"project", row[0].text},
                      {"dataset", row[1].text},
                      {"table", row[2].text},
                      {"rows", nullptr},
                      {"columns", std::stoull(row[3].text)}});
    // What a view reads may have gone.
    if (count.ok()) tables.back()["rows"] = std::stoull(count.value().front().front().text);
  }
  return json{{"tables", std::move(tables)}};
}

json LagDocument(Service& service,
                 const std::vector<orchestrator::VerificationRecord>& verifications,
                 const Clock& clock) {
  const estate::Estate& estate = service.estate();
  const std::vector<orchestrator::FollowReport> reports = service.supervisor().Reports();
  std::map<std::string, Result<SourceState>> sources;
  json slots = json::array();
  json integrations = json::array();
  for (const orchestrator::FollowReport& report : reports) {
    if (sources.contains(report.connection)) continue;
    const std::string slot = postgres::ReplicationName(estate.name, report.connection);
    const auto added =
        sources.emplace(report.connection, AskSource(estate, report.connection, slot));
    slots.push_back(SlotJson(estate.connections.at(report.connection), slot, added.first->second));
  }
  for (const orchestrator::FollowReport& report : reports) {
    json& row = integrations.emplace_back(FollowJson(report, sources.at(report.connection), clock));
    row["verification"] = nullptr;
    for (const orchestrator::VerificationRecord& record : verifications) {
      if (record.integration == report.integration) row["verification"] = ToJson(record);
    }
  }
  json triggered = json::array();
  for (const auto& report : service.triggers().Reports()) triggered.push_back(ToJson(report));
  json inbox;
  if (service.inbox() != nullptr) {
    inbox = {{"listen", service.inbox()->address()},
             {"pending_bytes", service.owner().inbox().pending_bytes()}};
  }
  return {{"integrations", std::move(integrations)},
          {"slots", std::move(slots)},
          {"triggered", std::move(triggered)},
          {"inbox", std::move(inbox)},
          {"pubsub", PubsubJson(service)}};
}

}  // namespace afluente::server
