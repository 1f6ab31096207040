#include <fmt/format.h>

#include "base/names.h"
#include "cli/commands.h"
#include "cli/reader.h"
#include "cli/table.h"
#include "cli/units.h"

namespace afluente::cli {
namespace {

struct TableInfo {
  std::string project;
  std::string dataset;
  std::string table;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
};

Result<std::vector<TableInfo>> ListTables(duckdb_connection connection) {
  AFL_ASSIGN(const auto names,
             data::QueryCells(
                 connection,
                 fmt::format("SELECT database_name, schema_name, table_name, "
                             "column_count FROM duckdb_tables() "
                             "WHERE schema_name <> {} AND NOT starts_with(table_name, {}) "
                             "AND NOT temporary ORDER BY ALL",
                             QuoteLiteral(duck::kSystemSchema), QuoteLiteral(duck::kStagePrefix))));
  std::vector<TableInfo> tables;
  for (const auto& row : names) {
    TableInfo info{row[0].text, row[1].text, row[2].text, 0, std::stoull(row[3].text)};
    AFL_ASSIGN(
        const auto count,
        data::QueryCells(connection,
                         fmt::format("SELECT count(*) FROM {}.{}.{}", QuoteIdentifier(info.project),
                                     QuoteIdentifier(info.dataset), QuoteIdentifier(info.table))));
    info.rows = std::stoull(count.front().front().text);
    tables.push_back(std::move(info));
  }
  return tables;
}

Result<int> Tables(const GlobalFlags& flags) {
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const WarehouseReader reader, OpenReader(flags, estate, "tables"));
  AFL_ASSIGN(const auto tables, ListTables(reader.connection.get()));
  if (flags.json) {
    nlohmann::json document = {{"tables", nlohmann::json::array()}};
    for (const TableInfo& info : tables) {
      document["tables"].push_back({{"project", info.project},
                                    {"dataset", info.dataset},
                                    {"table", info.table},
                                    {"rows", info.rows},
                                    {"columns", info.columns}});
    }
    fmt::print("{}\n", document.dump(2));
    return kOk;
  }
  if (tables.empty()) {
    fmt::print("the warehouse is empty; `afluente run --all` fills it\n");
    return kOk;
  }
  Table shown({{"table"}, {"rows", Align::kRight}, {"columns", Align::kRight}});
  for (const TableInfo& info : tables) {
    shown.Add({info.project + "." + info.dataset + "." + info.table, FormatCount(info.rows),
               FormatCount(info.columns)});
  }
  fmt::print("{}", shown.ToString());
  return kOk;
}

}  // namespace

void AddTablesCommand(const CommandContext& context) {
  AddCommand(context, "tables", "List the warehouse's tables",
             "  afluente tables\n  afluente tables --json",
             [&flags = context.flags] { return Tables(flags); });
}

}  // namespace afluente::cli
