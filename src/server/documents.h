// The JSON documents that the API answers with and that commands print.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "comparison/reconcile.h"
#include "data/duckdb_api.h"
#include "estate/estate.h"
#include "orchestrator/run_integration.h"
#include "orchestrator/run_store.h"
#include "orchestrator/supervisor.h"
#include "orchestrator/triggers.h"

namespace afluente::server {

class Service;

/// {"kind": "not_found", "message": "..."}.
nlohmann::json ToJson(const Error& error);
/// One line; bytes that are not UTF-8 are replaced.
std::string Dump(const nlohmann::json& document);
/// The error that such a document tells of; kInternal for another one.
Error ErrorFromJson(const nlohmann::json& json);

/// {"tables": [{"project", "dataset", "table", "rows", "columns"}]}, views too; "rows" is null for
/// a view that cannot be read.
Result<nlohmann::json> TablesDocument(duckdb_connection connection);

/// One run: {"integration", "run_id", "mode", "state", ...}; of a model "integration" is its name
/// as a job, and "engine" says what ran it.
nlohmann::json ToJson(const orchestrator::RunRecord& run);
/// The same with {"rows_written", "dead_letters", "mb_per_s", "schema_changes", "warnings"}.
nlohmann::json ToJson(const orchestrator::Owner::Outcome& outcome);
/// Reads it back, with a status that is the run's error.
orchestrator::Owner::Outcome OutcomeFromJson(const nlohmann::json& document);

/// What `reconcile --json` prints of one integration; with what a repair did before
/// it was compared: "repaired" rows, and why the table was "copied" instead.
nlohmann::json ToJson(const estate::Integration& integration,
                      const comparison::Reconciliation& result,
                      const std::optional<orchestrator::Repaired>& repaired = std::nullopt);

/// {"integration", "verified_at", "rows", "differences", "repaired", "error"}.
nlohmann::json ToJson(const orchestrator::VerificationRecord& record);
/// "equal", "3 differ, 3 repaired", "failed: ...": what such a document says.
std::string ToldOfVerification(const nlohmann::json& document);

/// {"integrations": [{"integration", "state", "lag_bytes", "lag_seconds", ...}]}
/// of those that are followed, {"slots": [...]} of their databases, and
/// {"triggered": [{"integration", "on", "state", "pending", ...}]}. One of
/// `verifications` stands with its integration as "verification". Asks each
/// source database; one that does not answer has "error" in its slot, another one
/// "wal_status", "retained_bytes" and, against the estate's limits, "health".
/// "inbox": {"listen", "pending_bytes"}; null without one.
nlohmann::json LagDocument(Service& service,
                           const std::vector<orchestrator::VerificationRecord>& verifications,
                           const Clock& clock);

}  // namespace afluente::server
