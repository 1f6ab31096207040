#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/stop_after.h"
#include "cli/commands.h"
#include "cli/reader.h"
#include "cli/rows.h"
#include "cli/signals.h"
#include "connectors/duckdb/interrupt.h"
#include "server/client.h"
#include "server/documents.h"

namespace afluente::cli {
namespace {

struct QueryFlags {
  std::string sql;
  std::string format;
  double timeout_s = 600;
};

RowFormat FormatOf(const GlobalFlags& flags, const QueryFlags& query) {
  if (query.format == "csv") return RowFormat::kCsv;
  return query.format == "json" || flags.json ? RowFormat::kJson : RowFormat::kTable;
}

// The first line names the columns, each further one is a row, the last one says how it ended.
Status QueryService(server::Client& service, const QueryFlags& query, RowFormat format,
                    const std::stop_token& stop) {
  std::unique_ptr<RowPrinter> printer;
  bool has_ended = false;
  AFL_TRY(service.PostForLines(
      "/api/query", {{"sql", query.sql}, {"timeout_s", query.timeout_s}},
      [&](const nlohmann::json& line) -> Status {
        if (line.is_array()) {
          std::vector<data::Cell> row;
          for (const nlohmann::json& cell : line) {
            row.push_back(cell.is_null() ? data::Cell{}
                                         : data::Cell{cell.get<std::string>(), true});
          }
          printer->Add(row);
        } else if (line.contains("names")) {
          printer = std::make_unique<RowPrinter>(line.at("names"), line.at("types"), format);
        } else if (line.contains("error")) {
          return server::ErrorFromJson(line);
        } else {
          has_ended = true;
        }
        return Done{};
      },
      stop));
  if (!has_ended) return Error(ErrorKind::kTransient, "the service broke off in its answer");
  printer->End();
  return Done{};
}

Result<int> Query(const GlobalFlags& flags, const QueryFlags& query) {
  const StopOnSignal stop;
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, flags.state));
  if (const auto service = server::Client::Find(paths.root)) {
    AFL_TRY(QueryService(*service, query, FormatOf(flags, query), stop.token()));
    return kOk;
  }
  AFL_ASSIGN(const WarehouseReader reader, OpenReader(flags, estate, "query"));
  const StopAfter limit(stop.token(), query.timeout_s);
  const duck::InterruptOnStop interrupt(reader.connection.get(), limit.token());
  AFL_ASSIGN(data::TextQuery rows, data::QueryAsText(reader.connection.get(), query.sql));
  const Status printed = PrintRows(rows, FormatOf(flags, query));
  if (!printed.ok() && limit.expired()) {
    return Error(
        ErrorKind::kTransient,
        fmt::format("the query took more than {} s; --timeout allows more", query.timeout_s));
  }
  AFL_TRY(printed);
  return kOk;
}

}  // namespace

void AddQueryCommand(const CommandContext& context) {
  auto query = std::make_shared<QueryFlags>();
  CLI::App* command = AddCommand(
      context, "query", "Ask the warehouse in SQL (DuckDB's dialect); it cannot write",
      "  afluente query 'SELECT count(*) FROM \"operations-dashboards\".analytics.fact_messages'\n"
      "  afluente query 'FROM lake.\"movva-datalake/raw/messages\" LIMIT 5' --format csv\n"
      "  afluente query 'SELECT ...' --format json | jq '.[0]'",
      [&flags = context.flags, query] { return Query(flags, *query); });
  command->add_option("SQL", query->sql, "One statement")->required();
  command->add_option("--format", query->format, "table (default), csv or json")
      ->check(CLI::IsMember({"table", "csv", "json"}));
  command
      ->add_option("--timeout", query->timeout_s,
                   "Seconds after which the query is given up: it keeps runs from the warehouse")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

}  // namespace afluente::cli
