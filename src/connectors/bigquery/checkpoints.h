// Positions, stored in BigQuery beside the data that they cover.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "connectors/bigquery/client.h"
#include "data/position.h"
#include "estate/address.h"

namespace afluente::bigquery {

/// The dataset of checkpoints and dead letters; hidden in BigQuery's console, as all whose name
/// begins with an underscore.
constexpr const char* kSystemDataset = "_afluente";
/// The kind of position of a table that is being made anew: what stands in it does not count.
constexpr const char* kRefreshing = "refreshing";

/// What MoveCheckpoint's statements fail with when the position is another one.
constexpr const char* kOvertaken = "another run has brought this table further; run it again";

/// Makes the dataset and its tables in a project, where they are missing.
Status EnsureSystemTables(Client& client, const std::string& project, const std::stop_token& stop);

/// The columns of dead letters, without the time.
nlohmann::json DeadLetterFields();

/// The position of `integration` at `table`; nullopt: none. Of kind kRefreshing, too.
/// `job`: the id of the query's job.
Result<std::optional<data::Position>> ReadCheckpoint(Client& client, const std::string& job,
                                                     const estate::TableAddress& table,
                                                     const std::string& integration,
                                                     const std::stop_token& stop);

/// Statements for a transaction: they fail unless the position is still `from`, and make it `to`.
/// BigQuery lets one of two transactions that change the same table win.
std::string MoveCheckpoint(const estate::TableAddress& table, const std::string& integration,
                           const std::optional<data::Position>& from, const data::Position& to);

}  // namespace afluente::bigquery
