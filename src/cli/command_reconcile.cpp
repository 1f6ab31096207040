#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>

#include "base/names.h"
#include "cli/commands.h"
#include "cli/reader.h"
#include "cli/signals.h"
#include "cli/table.h"
#include "cli/units.h"
#include "connectors/duckdb/interrupt.h"
#include "connectors/registry.h"
#include "estate/secrets.h"
#include "monitoring/reconcile.h"

namespace afluente::cli {
namespace {

using monitoring::Comparison;
using monitoring::Reconciliation;

std::string DestinationSql(const estate::Integration& integration) {
  const estate::Destination& destination = integration.destination;
  if (destination.lake) return "lake." + QuoteIdentifier(destination.lake->ToString());
  return QuoteIdentifier(destination.table->project) + "." +
         QuoteIdentifier(destination.table->dataset) + "." +
         QuoteIdentifier(destination.table->table);
}

Result<Reconciliation> ReconcileOne(const estate::Estate& estate,
                                    const estate::Integration& integration,
                                    const WarehouseReader& reader) {
  if (!integration.destination.table && !integration.destination.lake) {
    return Error(ErrorKind::kInvalidConfig, "reconcile compares with the warehouse or the lake");
  }
  AFL_ASSIGN(const auto endpoint,
             connectors::ResolveEndpoint(estate, integration.source.connection));
  std::string salt;
  for (const auto& [name, rule] : integration.columns) {
    if (rule.mask != estate::Mask::kHash || !salt.empty()) continue;
    AFL_ASSIGN(salt, estate::ResolveSecrets(estate.mask_salt, estate.folder));
  }
  return monitoring::Reconcile(endpoint, integration, salt, DestinationSql(integration),
                               reader.connection.get());
}

nlohmann::json ToJson(const std::string& name, const estate::Integration& integration,
                      const Reconciliation& result) {
  nlohmann::json json = {{"integration", name},
                         {"source_rows", result.source_rows},
                         {"destination_rows", result.destination_rows},
                         {"differences", result.differences},
                         {"sample", nlohmann::json::array()},
                         {"columns", nlohmann::json::array()},
                         {"notes", result.notes}};
  for (const auto& difference : result.sample) {
    nlohmann::json key = nlohmann::json::object();
    for (std::size_t i = 0; i < difference.key.size(); ++i) {
      key[integration.destination.key[i]] = difference.key[i];
    }
    json["sample"].push_back({{"kind", monitoring::NameOf(difference.kind)},
                              {"key", key},
                              {"columns", difference.columns}});
  }
  for (const auto& column : result.columns) {
    json["columns"].push_back(
        {{"name", column.name},
         {"compared_by", column.comparison == Comparison::kValue   ? "value"
                         : column.comparison == Comparison::kNulls ? "nulls"
                                                                   : "nothing"},
         {"why", column.why}});
  }
  return json;
}

void PrintDetails(const std::string& name, const estate::Integration& integration,
                  const Reconciliation& result) {
  for (const std::string& note : result.notes) fmt::print("{}: {}\n", name, note);
  std::map<std::string, std::vector<std::string>> reasons;
  for (const auto& column : result.columns) {
    if (column.comparison == Comparison::kValue) continue;
    const bool by_nulls = column.comparison == Comparison::kNulls;
    reasons[(by_nulls ? "by count and NULLs (" : "not compared (") + column.why + ")"].push_back(
        column.name);
  }
  for (const auto& [reason, columns] : reasons) {
    fmt::print("{}: {}: {}\n", name, reason, fmt::join(columns, ", "));
  }
  for (const auto& difference : result.sample) {
    fmt::print("{}: row {} = {} {}{}\n", name, fmt::join(integration.destination.key, ", "),
               fmt::join(difference.key, ", "),
               difference.kind == monitoring::DifferenceKind::kMissing
                   ? "is missing at the destination"
               : difference.kind == monitoring::DifferenceKind::kExtra ? "is not at the source"
                                                                       : "differs in ",
               fmt::join(difference.columns, ", "));
  }
  if (result.differences > result.sample.size() && !result.sample.empty()) {
    fmt::print("{}: ... and {} more\n", name,
               FormatCount(result.differences - result.sample.size()));
  }
}

struct ReconcileFlags {
  std::vector<std::string> names;
  bool all = false;
};

bool CanBeCompared(const estate::Integration& integration) {
  const bool from_postgres = !integration.source.table.empty() || !integration.source.query.empty();
  return from_postgres && (integration.destination.table || integration.destination.lake);
}

Result<int> ReconcileAll(const GlobalFlags& flags, const ReconcileFlags& reconcile) {
  const StopOnSignal stop;
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  std::vector<std::string> names = reconcile.names;
  if (reconcile.all == !names.empty()) {
    return Error(ErrorKind::kInvalidConfig, "give names of integrations, or --all");
  }
  for (const auto& [name, integration] : estate.integrations) {
    if (reconcile.all && CanBeCompared(integration)) names.push_back(name);
  }
  AFL_ASSIGN(const WarehouseReader reader, OpenReader(flags, estate, "reconcile"));
  const duck::InterruptOnStop interrupt(reader.connection.get(), stop.token());
  Table table({{"integration"},
               {"source rows", Align::kRight},
               {"destination rows", Align::kRight},
               {"compared columns", Align::kRight},
               {"differences", Align::kRight}});
  nlohmann::json documents = nlohmann::json::array();
  std::uint64_t differences = 0;
  for (const std::string& name : names) {
    const auto found = estate.FindIntegration(name);
    if (!found.ok()) return Error(ErrorKind::kInvalidConfig, found.error().message());
    const estate::Integration& integration = *found.value();
    AFL_ASSIGN(const Reconciliation result,
               ReconcileOne(estate, integration, reader).Within([&] { return name; }));
    differences += result.differences;
    documents.push_back(ToJson(name, integration, result));
    const auto compared =
        std::count_if(result.columns.begin(), result.columns.end(),
                      [](const auto& column) { return column.comparison == Comparison::kValue; });
    table.Add({name, FormatCount(result.source_rows), FormatCount(result.destination_rows),
               fmt::format("{} of {}", compared, result.columns.size()),
               compared == 0 ? "counts only" : FormatCount(result.differences)});
    if (!flags.json) PrintDetails(name, integration, result);
  }
  if (flags.json) {
    const nlohmann::json document = names.size() == 1 ? documents.front() : documents;
    fmt::print("{}\n", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    fmt::print("{}", table.ToString());
  }
  return differences == 0 ? kOk : kNo;
}

}  // namespace

void AddReconcileCommand(const CommandContext& context) {
  auto reconcile = std::make_shared<ReconcileFlags>();
  CLI::App* command = AddCommand(
      context, "reconcile", "Compare source and destination, value by value",
      "  afluente reconcile messages\n"
      "  afluente reconcile --all\n"
      "  afluente reconcile messages --json    {source_rows, destination_rows, differences, "
      "sample}\n"
      "Checksums are computed inside each system: no row leaves it. Exit 0 equal, 1 differences.",
      [&flags = context.flags, reconcile] { return ReconcileAll(flags, *reconcile); });
  command->add_option("INTEGRATION", reconcile->names, "Names of integrations");
  command->add_flag("--all", reconcile->all, "Every integration that can be compared");
}

}  // namespace afluente::cli
