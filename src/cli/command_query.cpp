#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/reader.h"
#include "cli/rows.h"
#include "cli/signals.h"
#include "connectors/duckdb/interrupt.h"

namespace afluente::cli {
namespace {

struct QueryFlags {
  std::string sql;
  std::string format;
  double timeout_s = 600;
};

Result<int> Query(const GlobalFlags& flags, const QueryFlags& query) {
  const StopOnSignal stop;
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const WarehouseReader reader, OpenReader(flags, estate, "query"));
  const StopAfter limit(stop.token(), query.timeout_s);
  const duck::InterruptOnStop interrupt(reader.connection.get(), limit.token());
  AFL_ASSIGN(data::TextQuery rows, data::QueryAsText(reader.connection.get(), query.sql));
  const RowFormat format = query.format == "csv"                  ? RowFormat::kCsv
                           : query.format == "json" || flags.json ? RowFormat::kJson
                                                                  : RowFormat::kTable;
  const Status printed = PrintRows(rows, format);
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
