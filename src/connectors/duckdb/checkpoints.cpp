#include "connectors/duckdb/checkpoints.h"

#include <fmt/format.h>

#include "base/names.h"
#include "connectors/duckdb/warehouse.h"

namespace afluente::duck {
namespace {

std::string Table(const CheckpointPlace& place) {
  return fmt::format("{}.{}.checkpoints", QuoteIdentifier(place.project), kSystemSchema);
}

std::string Key(const CheckpointPlace& place, const std::string& integration) {
  return fmt::format("destination = {} AND integration = {}", QuoteLiteral(place.destination),
                     QuoteLiteral(integration));
}

std::string OrNull(const std::string& text) { return text.empty() ? "NULL" : QuoteLiteral(text); }

}  // namespace

Result<std::optional<data::Position>> ReadCheckpoint(duckdb_connection connection,
                                                     const CheckpointPlace& place,
                                                     const std::string& integration) {
  auto rows = data::QueryCells(connection, fmt::format("SELECT kind, position FROM {} WHERE {}",
                                                       Table(place), Key(place, integration)));
  const bool readable = rows.ok() && rows.value().size() <= 1;
  if (!readable) {
    return Error(ErrorKind::kInternal,
                 fmt::format("the checkpoint table of {} is damaged{}; run with --full-refresh to "
                             "start over",
                             place.project, rows.ok() ? "" : ": " + rows.error().message()));
  }
  if (rows.value().empty()) return std::optional<data::Position>();
  const auto& row = rows.value().front();
  return std::optional(data::Position{row[0].text, row[1].text});
}

Status WriteCheckpoint(duckdb_connection connection, const CheckpointPlace& place,
                       const std::string& integration, const data::Position& position) {
  return data::Execute(
      connection,
      fmt::format("DELETE FROM {0} WHERE {1}; INSERT INTO {0} VALUES ({2}, {3}, {4}, {5}, now())",
                  Table(place), Key(place, integration), QuoteLiteral(place.destination),
                  QuoteLiteral(integration), QuoteLiteral(position.kind),
                  QuoteLiteral(position.value)));
}

Status WriteCheckpoints(duckdb_connection connection,
                        const std::vector<const estate::Integration*>& integrations,
                        const data::Position& position) {
  std::string keys;
  std::string rows;
  for (const estate::Integration* integration : integrations) {
    const estate::TableAddress& destination = *integration->destination.table;
    keys += fmt::format("{}({})", keys.empty() ? "" : " OR ", Key(destination, integration->name));
    rows += fmt::format("{}({}, {}, {}, {}, now())", rows.empty() ? "" : ", ",
                        QuoteLiteral(destination.ToString()), QuoteLiteral(integration->name),
                        QuoteLiteral(position.kind), QuoteLiteral(position.value));
  }
  return data::Execute(connection,
                       fmt::format("DELETE FROM {0} WHERE {1}; INSERT INTO {0} VALUES {2}",
                                   Table(*integrations.front()->destination.table), keys, rows));
}

Status WriteDeadLetters(duckdb_connection connection, const CheckpointPlace& place,
                        const std::string& integration,
                        const std::vector<data::DeadLetter>& dead_letters) {
  if (dead_letters.empty()) return Done{};
  std::string rows;
  for (const data::DeadLetter& letter : dead_letters) {
    rows += fmt::format("{}({}, {}, {}, {}, now(), {}, {})", rows.empty() ? "" : ", ",
                        QuoteLiteral(place.destination), QuoteLiteral(integration),
                        QuoteLiteral(letter.key), QuoteLiteral(letter.reason), OrNull(letter.row),
                        OrNull(letter.position));
  }
  return data::Execute(
      connection,
      fmt::format("INSERT INTO {}.{}.dead_letters(destination, integration, key, reason, "
                  "committed_at, \"row\", position) VALUES {}",
                  QuoteIdentifier(place.project), kSystemSchema, rows));
}

Result<std::vector<data::DeadLetter>> NotYetTold(duckdb_connection connection,
                                                 const CheckpointPlace& place,
                                                 const std::string& integration,
                                                 std::vector<data::DeadLetter> letters) {
  if (letters.empty()) return letters;
  std::string rows;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    rows +=
        fmt::format("{}({}, {}, {}, {})", rows.empty() ? "" : ", ", i, QuoteLiteral(letters[i].key),
                    QuoteLiteral(letters[i].reason), OrNull(letters[i].row));
  }
  AFL_ASSIGN(
      const auto untold,
      data::QueryCells(
          connection,
          fmt::format("SELECT n FROM (VALUES {}) AS v(n, k, r, w) WHERE NOT EXISTS (FROM "
                      "{}.{}.dead_letters WHERE {} AND key = k AND reason = r AND \"row\" IS "
                      "NOT DISTINCT FROM w) ORDER BY n",
                      rows, QuoteIdentifier(place.project), kSystemSchema,
                      Key(place, integration))));
  std::vector<data::DeadLetter> kept;
  for (const auto& row : untold) {
    kept.push_back(std::move(letters[std::stoull(row.front().text)]));
  }
  return kept;
}

}  // namespace afluente::duck
