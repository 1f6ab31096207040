#include "connectors/bigquery/checkpoints.h"

#include <fmt/format.h>

#include "connectors/bigquery/types.h"

namespace afluente::bigquery {
namespace {

std::string SqlName(const std::string& project, const std::string& table) {
  return Quoted(project + "." + kSystemDataset + "." + table);
}

std::string Key(const estate::TableAddress& table, const std::string& integration) {
  return fmt::format("destination = {} AND integration = {}", Literal(table.ToString()),
                     Literal(integration));
}

}  // namespace

Status EnsureSystemTables(Client& client, const std::string& project, const std::stop_token& stop) {
  AFL_TRY(client.EnsureDataset(project, kSystemDataset, stop));
  NewTable checkpoints;
  NewTable dead_letters;
  for (const char* name : {"destination", "integration", "kind", "position"}) {
    checkpoints.fields.push_back(FieldOf(name, "STRING"));
  }
  checkpoints.fields.push_back(FieldOf("committed_at", "TIMESTAMP"));
  dead_letters.fields = DeadLetterFields();
  dead_letters.fields.push_back(FieldOf("committed_at", "TIMESTAMP"));
  AFL_TRY(client.EnsureTable({project, kSystemDataset, "checkpoints"}, checkpoints, stop));
  return client.EnsureTable({project, kSystemDataset, "dead_letters"}, dead_letters, stop);
}

nlohmann::json DeadLetterFields() {
  nlohmann::json fields;
  for (const char* name : {"destination", "integration", "key", "reason", "row", "position"}) {
    fields.push_back(FieldOf(name, "STRING"));
  }
  return fields;
}

Result<std::optional<data::Position>> ReadCheckpoint(Client& client, const std::string& job,
                                                     const estate::TableAddress& table,
                                                     const std::string& integration,
                                                     const std::stop_token& stop) {
  AFL_ASSIGN(const auto rows, client.Select(job, table.project,
                                            fmt::format("SELECT kind, position FROM {} WHERE {}",
                                                        SqlName(table.project, "checkpoints"),
                                                        Key(table, integration)),
                                            stop));
  if (rows.empty()) return std::optional<data::Position>();
  if (rows.size() > 1 || !rows[0][0] || !rows[0][1]) {
    return Error(ErrorKind::kInternal,
                 fmt::format("the checkpoint table of {} is damaged; run with --full-refresh to "
                             "start over",
                             table.project));
  }
  return std::optional(data::Position{*rows[0][0], *rows[0][1]});
}

std::string MoveCheckpoint(const estate::TableAddress& table, const std::string& integration,
                           const std::optional<data::Position>& from, const data::Position& to) {
  const std::string checkpoints = SqlName(table.project, "checkpoints");
  const std::string key = Key(table, integration);
  const std::string expected =
      from ? fmt::format("(SELECT COUNTIF(kind = {} AND position = {}) FROM {} WHERE {}) = 1",
                         Literal(from->kind), Literal(from->value), checkpoints, key)
           : fmt::format("(SELECT COUNT(*) FROM {} WHERE {}) = 0", checkpoints, key);
  return fmt::format(
      "SELECT IF({0}, 0, ERROR({1}));\n"
      "DELETE FROM {2} WHERE {3};\n"
      "INSERT INTO {2} (destination, integration, kind, position, committed_at) "
      "VALUES ({4}, {5}, {6}, {7}, CURRENT_TIMESTAMP());\n",
      expected, Literal(kOvertaken), checkpoints, key, Literal(table.ToString()),
      Literal(integration), Literal(to.kind), Literal(to.value));
}

}  // namespace afluente::bigquery
