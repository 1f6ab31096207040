#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/reader.h"
#include "cli/table.h"
#include "cli/units.h"
#include "server/client.h"
#include "server/documents.h"

namespace afluente::cli {
namespace {

// From the service that holds the warehouse, or from its files.
Result<nlohmann::json> ReadTables(const GlobalFlags& flags) {
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, flags.state));
  if (const auto service = server::Client::Find(paths.root)) return service->Get("/api/tables");
  AFL_ASSIGN(const WarehouseReader reader, OpenReader(flags, estate, "tables"));
  return server::TablesDocument(reader.connection.get());
}

Result<int> Tables(const GlobalFlags& flags) {
  AFL_ASSIGN(const nlohmann::json document, ReadTables(flags));
  if (flags.json) {
    fmt::print("{}\n", document.dump(2));
    return kOk;
  }
  if (document.at("tables").empty()) {
    fmt::print("the warehouse is empty; `afluente run --all` fills it\n");
    return kOk;
  }
  Table shown({{"table"}, {"rows", Align::kRight}, {"columns", Align::kRight}});
  for (const nlohmann::json& table : document.at("tables")) {
    shown.Add(
        {fmt::format("{}.{}.{}", table.at("project").get<std::string>(),
                     table.at("dataset").get<std::string>(), table.at("table").get<std::string>()),
         table.at("rows").is_null() ? "broken view"
                                    : FormatCount(table.at("rows").get<std::uint64_t>()),
         FormatCount(table.at("columns").get<std::uint64_t>())});
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
