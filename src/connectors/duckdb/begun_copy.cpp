#include "connectors/duckdb/begun_copy.h"

#include <fmt/format.h>

#include "base/names.h"
#include "connectors/duckdb/interrupt.h"
#include "connectors/duckdb/shaped_rows.h"
#include "connectors/duckdb/stage_keys.h"

namespace afluente::duck {
namespace {

constexpr const char* kTable = "begun_copies";

std::string TableOf(const estate::Integration& integration) {
  return fmt::format("{}.{}.{}", QuoteIdentifier(integration.destination.table->project),
                     kSystemSchema, kTable);
}

std::string KeyOf(const estate::Integration& integration) {
  return fmt::format("destination = {} AND integration = {}",
                     QuoteLiteral(integration.destination.table->ToString()),
                     QuoteLiteral(integration.name));
}

// Where KeepOnly has the keys of what is still there.
std::string KeysOf(const estate::Integration& integration) {
  const estate::TableAddress& address = *integration.destination.table;
  return SqlName({address.project, kSystemSchema, "keys of " + address.ToString()});
}

// Made when it is needed first: files from before have none.
Status MakeTable(duckdb_connection connection, const estate::Integration& integration) {
  return data::Execute(
      connection,
      fmt::format("CREATE TABLE IF NOT EXISTS {}(destination VARCHAR, integration VARCHAR, origin "
                  "VARCHAR, shape VARCHAR, part VARCHAR, rows BIGINT)",
                  TableOf(integration)));
}

Status Insert(duckdb_connection connection, const estate::Integration& integration,
              const std::string& values) {
  return data::Execute(connection,
                       fmt::format("INSERT INTO {} VALUES ({}, {}, {})", TableOf(integration),
                                   QuoteLiteral(integration.destination.table->ToString()),
                                   QuoteLiteral(integration.name), values));
}

}  // namespace

estate::TableAddress StageOf(estate::TableAddress table) {
  table.table = kStagePrefix + table.table;
  return table;
}

Result<std::optional<BegunCopy>> FindBegunCopy(Warehouse& warehouse,
                                               const estate::Integration& integration) {
  AFL_ASSIGN(const data::DuckConnection connection, warehouse.Connect());
  const estate::TableAddress stage = StageOf(*integration.destination.table);
  const std::string& project = stage.project;
  AFL_ASSIGN(const auto kept, ReadColumns(connection.get(), {project, kSystemSchema, kTable}));
  AFL_ASSIGN(const auto staged, ReadColumns(connection.get(), stage));
  if (kept.empty() || staged.empty()) return std::optional<BegunCopy>();
  AFL_ASSIGN(const auto rows,
             data::QueryCells(connection.get(),
                              fmt::format("SELECT origin, shape, part, rows FROM {} WHERE {}",
                                          TableOf(integration), KeyOf(integration))));
  BegunCopy copy;
  std::int64_t expected = 0;
  for (const auto& row : rows) {
    if (row[0].valid) {
      copy.origin = row[0].text;
      copy.shape = row[1].text;
      continue;
    }
    expected += std::stoll(row[3].text);
    if (!row[2].text.empty()) copy.parts.push_back(row[2].text);
  }
  if (copy.origin.empty() || copy.parts.empty()) return std::optional<BegunCopy>();
  AFL_ASSIGN(const auto count,
             data::QueryCells(connection.get(), "SELECT count(*) FROM " + SqlName(stage)));
  if (std::stoll(count.front().front().text) != expected) return std::optional<BegunCopy>();
  return std::optional(std::move(copy));
}

Result<std::string> CopyShape(Warehouse& warehouse, const estate::Integration& integration,
                              const data::Schema& schema) {
  ShapedRows rows(warehouse, integration);
  AFL_TRY(rows.Prepare(schema, 0, {}, false));
  return rows.Shape();
}

Status BeginCopy(duckdb_connection connection, const estate::Integration& integration,
                 const std::string& origin, const std::string& shape) {
  return Insert(connection, integration,
                fmt::format("{}, {}, NULL, 0", QuoteLiteral(origin), QuoteLiteral(shape)));
}

Status KeepPart(duckdb_connection connection, const estate::Integration& integration,
                const std::string& part, std::int64_t rows) {
  return Insert(connection, integration,
                fmt::format("NULL, NULL, {}, {}", QuoteLiteral(part), rows));
}

// Beside the stage, since a lane is read on a connection of its own.
Status KeepOnly(Warehouse& warehouse, const estate::Integration& integration,
                const StillThere& still_there, const std::stop_token& stop) {
  const estate::TableAddress& address = *integration.destination.table;
  AFL_ASSIGN(const data::DuckConnection connection, warehouse.Connect());
  const InterruptOnStop interrupt(connection.get(), stop);
  ShapedRows rows(warehouse, still_there.integration);
  AFL_TRY(rows.Prepare(still_there.source->schema(), 0, {}, false));
  const std::string keys = KeysOf(integration);
  std::string columns;
  for (const TableColumn& column : rows.columns()) {
    columns += fmt::format("{}{} {}", columns.empty() ? "" : ", ", QuoteIdentifier(column.name),
                           column.type);
  }
  AFL_TRY(data::Execute(connection.get(),
                        fmt::format("CREATE OR REPLACE TABLE {} ({})", keys, columns)));
  for (int i = 0; i < still_there.source->lanes(); ++i) {
    AFL_ASSIGN(const auto lane, still_there.source->OpenLane(stop));
    AFL_TRY(rows.Drain(*lane, "INSERT INTO " + keys + " BY NAME ", "", stop));
  }
  AFL_TRY(data::Execute(connection.get(), "BEGIN"));
  AFL_ASSIGN(auto gone,
             data::Query(connection.get(),
                         fmt::format("DELETE FROM {} AS s WHERE NOT EXISTS (FROM {} AS t WHERE {})",
                                     SqlName(StageOf(address)), keys,
                                     KeysMatch(still_there.integration.destination.key))));
  const auto count = static_cast<std::int64_t>(duckdb_rows_changed(gone.out()));
  AFL_TRY(KeepPart(connection.get(), integration, "", -count));
  return data::Execute(connection.get(), fmt::format("DROP TABLE {}; COMMIT", keys));
}

Status ForgetCopy(duckdb_connection connection, const estate::Integration& integration) {
  AFL_TRY(MakeTable(connection, integration));
  return data::Execute(connection,
                       fmt::format("DELETE FROM {} WHERE {}; DROP TABLE IF EXISTS {}",
                                   TableOf(integration), KeyOf(integration), KeysOf(integration)));
}

}  // namespace afluente::duck
