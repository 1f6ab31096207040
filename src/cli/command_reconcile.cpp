#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "cli/commands.h"
#include "cli/reader.h"
#include "cli/signals.h"
#include "cli/table.h"
#include "cli/units.h"
#include "comparison/settled.h"
#include "connectors/duckdb/interrupt.h"
#include "orchestrator/run_integration.h"
#include "orchestrator/state_folder.h"
#include "server/client.h"
#include "server/documents.h"

namespace afluente::cli {
namespace {

using nlohmann::json;

std::string KeyText(const json& key) {
  std::vector<std::string> names;
  std::vector<std::string> values;
  for (const auto& [name, value] : key.items()) {
    names.push_back(name);
    values.push_back(value.get<std::string>());
  }
  return fmt::format("{} = {}", fmt::join(names, ", "), fmt::join(values, ", "));
}

void PrintDetails(const json& result) {
  const std::string name = result.at("integration");
  if (result.contains("repaired")) {
    if (result.at("copied").is_string()) {
      fmt::print("{}: copied again, because {}\n", name, result.at("copied").get<std::string>());
    } else {
      const json& rows = result.at("repaired_rows");
      const auto count = [&](const char* kind) {
        return FormatCount(rows.at(kind).get<std::uint64_t>());
      };
      fmt::print("{}: repaired {} rows ({} missing, {} extra, {} different)\n", name,
                 FormatCount(result.at("repaired").get<std::uint64_t>()), count("missing"),
                 count("extra"), count("different"));
    }
  }
  for (const json& note : result.at("notes")) fmt::print("{}: {}\n", name, note.get<std::string>());
  std::map<std::string, std::vector<std::string>> reasons;
  for (const json& column : result.at("columns")) {
    if (column.at("compared_by") == "value") continue;
    const bool by_nulls = column.at("compared_by") == "nulls";
    reasons[(by_nulls ? "by count and NULLs (" : "not compared (") +
            column.at("why").get<std::string>() + ")"]
        .push_back(column.at("name"));
  }
  for (const auto& [reason, columns] : reasons) {
    fmt::print("{}: {}: {}\n", name, reason, fmt::join(columns, ", "));
  }
  const json& sample = result.at("sample");
  for (const json& difference : sample) {
    const std::string kind = difference.at("kind");
    fmt::print("{}: row {} {}{}\n", name, KeyText(difference.at("key")),
               kind == NameOf(comparison::DifferenceKind::kMissing)
                   ? "is missing at the destination"
               : kind == NameOf(comparison::DifferenceKind::kExtra) ? "is not at the source"
                                                                    : "differs in ",
               fmt::join(difference.at("columns").get<std::vector<std::string>>(), ", "));
  }
  const std::uint64_t differences = result.at("differences");
  if (differences > sample.size() && !sample.empty()) {
    fmt::print("{}: ... and {} more\n", name, FormatCount(differences - sample.size()));
  }
}

struct ReconcileFlags {
  std::vector<std::string> names;
  bool all = false;
  bool repair = false;
};

bool CanBeCompared(const estate::Integration& integration) {
  const bool from_postgres = !integration.source.table.empty() || !integration.source.query.empty();
  return from_postgres && (integration.destination.table || integration.destination.lake);
}

Result<std::vector<std::string>> Choose(const estate::Estate& estate,
                                        const ReconcileFlags& reconcile) {
  std::vector<std::string> names = reconcile.names;
  if (reconcile.all == !names.empty()) {
    return Error(ErrorKind::kInvalidConfig, "give names of integrations, or --all");
  }
  for (const auto& [name, integration] : estate.integrations) {
    const bool is_meant =
        CanBeCompared(integration) && (!reconcile.repair || integration.mode == estate::Mode::kCdc);
    if (reconcile.all && is_meant) names.push_back(name);
  }
  for (const std::string& name : names) {
    const auto found = estate.FindIntegration(name);
    if (!found.ok()) return Error(ErrorKind::kInvalidConfig, found.error().message());
    if (!reconcile.repair || found.value()->mode == estate::Mode::kCdc) continue;
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("--repair is for integrations of mode cdc, and {0} has mode {1}; "
                             "`afluente run {0} --full-refresh` writes its destination anew",
                             name, NameOf(found.value()->mode)));
  }
  return names;
}

// Alone: a group at a time stands still, is repaired and followed up to now.
Status RepairHere(const GlobalFlags& flags, const estate::Estate& estate,
                  const std::vector<std::string>& names, const std::stop_token& stop,
                  const std::function<void(const json&)>& on_result) {
  std::vector<estate::Estate::Job> chosen;
  std::map<std::string, std::set<std::string>> groups;  // By connection.
  for (const std::string& name : names) {
    const estate::Integration& integration = estate.integrations.at(name);
    chosen.push_back({.integration = &integration});
    groups[integration.source.connection].insert(name);
  }
  AFL_ASSIGN(const auto owner,
             orchestrator::Owner::Open(estate, flags.state, chosen, "reconcile", SystemClock()));
  std::map<std::string, orchestrator::Repaired> repaired;
  const auto catch_up = [&](const std::string& connection,
                            const std::set<std::string>& repair) -> Status {
    std::map<std::string, pipeline::Progress> progress;  // Of this run.
    const auto outcomes = owner->CatchUp(
        connection, {}, repair,
        [&](const std::string& name) -> pipeline::Progress& { return progress[name]; }, stop);
    for (const auto& outcome : outcomes) {
      AFL_TRY(outcome.status);
      if (outcome.repaired) repaired[outcome.run.job] = *outcome.repaired;
    }
    return Done{};
  };
  for (const auto& [connection, members] : groups) AFL_TRY(catch_up(connection, members));
  for (const std::string& name : names) {
    const estate::Integration* integration = &estate.integrations.at(name);
    AFL_ASSIGN(const auto connection, owner->warehouse().Connect());
    const duck::InterruptOnStop interrupt(connection.get(), stop);
    AFL_ASSIGN(const auto left,
               comparison::CompareSettled(
                   estate, *integration, connection.get(),
                   [&] { return catch_up(integration->source.connection, {}); }, stop));
    on_result(server::ToJson(*integration, left, repaired[integration->name]));
  }
  return Done{};
}

// Calls `on_result` with each integration's comparison: the service's when one
// runs, else our own.
Status Compare(const GlobalFlags& flags, const estate::Estate& estate,
               const std::vector<std::string>& names, bool repair, const std::stop_token& stop,
               const std::function<void(const json&)>& on_result) {
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, flags.state));
  if (const auto service = server::Client::Find(paths.root)) {
    return service->PostForLines(
        "/api/reconcile", {{"integrations", names}, {"repair", repair}},
        [&](const json& line) -> Status {
          if (line.contains("error")) return server::ErrorFromJson(line);
          if (line.contains("reconciliation")) on_result(line.at("reconciliation"));
          return Done{};
        },
        stop);
  }
  if (repair) return RepairHere(flags, estate, names, stop, on_result);
  AFL_ASSIGN(const WarehouseReader reader, OpenReader(flags, estate, "reconcile"));
  const duck::InterruptOnStop interrupt(reader.connection.get(), stop);
  for (const std::string& name : names) {
    const estate::Integration& integration = estate.integrations.at(name);
    AFL_ASSIGN(const auto result,
               comparison::CompareWithSource(estate, integration, reader.connection.get(), stop));
    on_result(server::ToJson(integration, result));
  }
  return Done{};
}

Result<int> ReconcileAll(const GlobalFlags& flags, const ReconcileFlags& reconcile) {
  const StopOnSignal stop;
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const auto names, Choose(estate, reconcile));
  Table table({{"integration"},
               {"source rows", Align::kRight},
               {"destination rows", Align::kRight},
               {"compared columns", Align::kRight},
               {"differences", Align::kRight}});
  json documents = json::array();
  std::uint64_t differences = 0;
  AFL_TRY(Compare(flags, estate, names, reconcile.repair, stop.token(), [&](const json& result) {
    const std::uint64_t found = result.at("differences");
    differences += found;
    documents.push_back(result);
    const json& columns = result.at("columns");
    const auto compared = std::count_if(columns.begin(), columns.end(), [](const json& column) {
      return column.at("compared_by") == "value";
    });
    table.Add({result.at("integration"), FormatCount(result.at("source_rows").get<std::uint64_t>()),
               FormatCount(result.at("destination_rows").get<std::uint64_t>()),
               fmt::format("{} of {}", compared, columns.size()),
               compared == 0 ? "counts only" : FormatCount(found)});
    if (!flags.json) PrintDetails(result);
  }));
  if (flags.json) {
    const json document = names.size() == 1 ? documents.front() : documents;
    fmt::print("{}\n", document.dump(2, ' ', false, json::error_handler_t::replace));
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
      "  afluente reconcile contacts --repair  mode cdc: write the rows that differ, and only "
      "them\n"
      "Checksums are computed inside each system: no value leaves it. Exit 0 equal, 1 "
      "differences.\n"
      "With --repair they are those that are left.",
      [&flags = context.flags, reconcile] { return ReconcileAll(flags, *reconcile); });
  command->add_option("INTEGRATION", reconcile->names, "Names of integrations");
  command->add_flag("--all", reconcile->all, "Every integration that can be compared");
  command->add_flag("--repair", reconcile->repair,
                    "Bring followed tables level with their source first");
}

}  // namespace afluente::cli
