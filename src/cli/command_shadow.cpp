// shadow, cutover, rollback: jobs beside today's pipeline.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "base/clock.h"
#include "cli/reader.h"
#include "cli/signals.h"
#include "cli/state_commands.h"
#include "cli/table.h"
#include "cli/units.h"
#include "estate/load.h"
#include "orchestrator/run_store.h"
#include "orchestrator/shadow/apply_shadows.h"
#include "orchestrator/shadow/compare_shadow.h"
#include "orchestrator/shadow/cutover.h"
#include "server/client.h"
#include "server/documents.h"
#include "server/shadow_api.h"

namespace afluente::cli {
namespace {

using nlohmann::json;
using orchestrator::ShadowState;
using orchestrator::ShadowStore;

// One integration with the key, and what is known of it.
struct Known {
  estate::Shadow shadow;
  ShadowState state = ShadowState::kShadow;
  std::vector<orchestrator::ShadowComparison> days;
  std::string why_not;  // What stands against the cut-over; "" when nothing does.
};

Result<std::map<std::string, Known>> ReadAll(const estate::Estate& estate,
                                             const orchestrator::StatePaths& paths) {
  std::map<std::string, Known> all;
  const auto shadows = orchestrator::ShadowsOf(estate);
  for (const auto& [name, shadow] : shadows) all[name].shadow = shadow;
  if (!std::filesystem::exists(paths.run_store)) return all;
  AFL_ASSIGN(const auto runs, orchestrator::RunStore::Open(paths.run_store));
  ShadowStore store(runs->file());
  AFL_ASSIGN(const auto states, orchestrator::StatesOf(shadows, store));
  AFL_ASSIGN(const auto today, orchestrator::DayOf(SystemClock().Now(), estate.time_zone));
  for (auto& [name, known] : all) {
    known.state = states.at(name);
    AFL_ASSIGN(known.days, store.Days(name, known.shadow.days + 1));
    if (known.state == ShadowState::kShadow) {
      known.why_not = orchestrator::WhyNotEqual(known.days, known.shadow.days, today);
    }
  }
  return all;
}

json ToJson(const std::string& name, const Known& known) {
  json document = {{"integration", name},
                   {"state", NameOf(known.state)},
                   {"table", known.shadow.live.ToString()},
                   {"shadow_table", known.shadow.shadow.ToString()},
                   {"compare_with", known.shadow.compare_with},
                   {"wanted_days", known.shadow.days},
                   {"ready", known.state == ShadowState::kShadow && known.why_not.empty()},
                   {"days", json::array()}};
  for (const auto& day : known.days) document["days"].push_back(server::ToJson(day));
  return document;
}

void Print(const std::map<std::string, Known>& all) {
  Table table({{"integration"},
               {"state"},
               {"day"},
               {"rows", Align::kRight},
               {"in shadow", Align::kRight},
               {"result"}});
  for (const auto& [name, known] : all) {
    const std::string state(NameOf(known.state));
    if (known.days.empty()) table.Add({name, state, "", "", "", "never compared"});
    for (const auto& day : known.days) {
      const bool is_first = &day == &known.days.front();
      table.Add({is_first ? name : "", is_first ? state : "", day.day, FormatCount(day.old_rows),
                 FormatCount(day.new_rows), Told(day)});
    }
  }
  fmt::print("{}", table.ToString());
  for (const auto& [name, known] : all) {
    if (known.state != ShadowState::kShadow) continue;
    if (known.why_not.empty()) {
      fmt::print("{}: equal on {} days; `afluente cutover {}`\n", name, known.shadow.days, name);
    } else {
      fmt::print("{}: wants {} days without a difference; {}\n", name, known.shadow.days,
                 known.why_not);
    }
  }
}

// The service's when one runs, else our own. False: they differ.
Result<bool> Compare(const GlobalFlags& flags, const estate::Estate& estate,
                     const orchestrator::StatePaths& paths, const std::string& name,
                     const estate::Shadow& shadow, const std::stop_token& stop) {
  if (const auto service = server::Client::Find(paths.root)) {
    bool is_equal = false;
    AFL_TRY(service->PostForLines(
        "/api/shadow/compare", {{"integration", name}},
        [&](const json& line) -> Status {
          if (line.contains("error")) return server::ErrorFromJson(line);
          if (!line.contains("comparison")) return Done{};
          const json& found = line.at("comparison");
          is_equal = found.at("error").is_null() && found.at("differences") == 0;
          return Done{};
        },
        stop));
    return is_equal;
  }
  AFL_ASSIGN(const WarehouseReader reader, OpenReader(flags, estate, "shadow"));
  const auto compared = orchestrator::CompareShadow(estate, estate.integrations.at(name), shadow,
                                                    reader.connection.get(), SystemClock(), stop);
  if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
  AFL_ASSIGN(const auto runs, orchestrator::RunStore::Open(paths.run_store));
  AFL_TRY(ShadowStore(runs->file()).Record(compared));
  return compared.is_equal();
}

Result<int> Shadow(const GlobalFlags& flags, const std::string& only, bool compare) {
  const StopOnSignal stop;
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, flags.state));
  AFL_ASSIGN(auto all, ReadAll(estate, paths));
  if (!only.empty()) {
    AFL_TRY(estate.FindIntegration(only));
    std::erase_if(all, [&](const auto& entry) { return entry.first != only; });
    if (all.empty()) {
      return Error(ErrorKind::kNotFound, fmt::format("integration {} has no key shadow", only));
    }
  }
  bool is_equal = true;
  if (compare) {
    for (const auto& [name, known] : all) {
      if (known.state != ShadowState::kShadow) continue;
      AFL_ASSIGN(const bool same, Compare(flags, estate, paths, name, known.shadow, stop.token()));
      is_equal = is_equal && same;
    }
    AFL_ASSIGN(auto after, ReadAll(estate, paths));
    for (auto& [name, known] : all) known = std::move(after[name]);
  }
  if (flags.json) {
    json document = {{"integrations", json::array()}};
    for (const auto& [name, known] : all) document["integrations"].push_back(ToJson(name, known));
    fmt::print("{}\n", document.dump(2, ' ', false, json::error_handler_t::replace));
  } else {
    Print(all);
    for (const auto& [name, known] : all) {
      if (compare && !known.days.empty() && !known.days.front().notes.empty()) {
        fmt::print("\n{}:\n{}\n", name, known.days.front().notes);
      }
    }
  }
  return is_equal ? kOk : kNo;
}

void TellState(const GlobalFlags& flags, const std::string& name, const std::string& state,
               const std::string& told) {
  if (flags.json) {
    fmt::print("{}\n", json{{"integration", name}, {"state", state}}.dump(2));
  } else {
    fmt::print("{}\n", told);
  }
}

Result<int> Cutover(const GlobalFlags& flags, const std::string& name, bool force) {
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_TRY(orchestrator::Cutover(estate, flags.state, name, force, SystemClock()));
  const auto shadows = orchestrator::ShadowsOf(estate);
  const estate::Shadow& shadow = shadows.at(name);
  TellState(flags, name, "live",
            fmt::format("{} writes {} now; what stood there is {}; `afluente rollback {}` puts it "
                        "back",
                        name, shadow.live.ToString(), shadow.before.ToString(), name));
  return kOk;
}

// As the files say: the estate may have become unusable by the cut-over.
Result<int> Rollback(const GlobalFlags& flags, const std::string& name) {
  AFL_ASSIGN(const auto folder, EstateFolder(flags));
  AFL_ASSIGN(const auto loaded, estate::Load(folder, flags.profile));
  if (!loaded.findings.empty()) {
    return Error(ErrorKind::kInvalidConfig, "the estate has findings; `afluente check` lists them");
  }
  const estate::Estate& estate = loaded.estate;
  AFL_TRY(orchestrator::Rollback(estate, flags.state, name, SystemClock()));
  const auto shadows = orchestrator::ShadowsOf(estate);
  TellState(
      flags, name, "shadow",
      fmt::format("{} is as it was before the cut-over; {} writes {} again",
                  shadows.at(name).live.ToString(), name, shadows.at(name).shadow.ToString()));
  return kOk;
}

}  // namespace

void AddShadowCommands(const CommandContext& context) {
  auto only = std::make_shared<std::string>();
  auto compare = std::make_shared<bool>(false);
  CLI::App* shadow = AddCommand(
      context, "shadow", "Show jobs that run beside today's pipeline, day by day",
      "  afluente shadow\n"
      "  afluente shadow user-integration --compare    compare now; exit 1 when they differ",
      [&flags = context.flags, only, compare] { return Shadow(flags, *only, *compare); });
  shadow->add_option("INTEGRATION", *only, "Only this one");
  shadow->add_flag("--compare", *compare, "Compare now; the last comparison of a day counts");

  auto job = std::make_shared<std::string>();
  auto force = std::make_shared<bool>(false);
  CLI::App* cutover = AddCommand(
      context, "cutover", "Put the table of a job in shadow in the place of the old one",
      "  afluente cutover user-integration\n"
      "Refused unless the last days had no difference. Data, checkpoint and name change at once;\n"
      "the old table stays as NAME__before. No service may run meanwhile: it takes a second.",
      [&flags = context.flags, job, force] { return Cutover(flags, *job, *force); });
  cutover->add_option("INTEGRATION", *job, "One that runs in shadow")->required();
  cutover->add_flag("--force", *force, "Whatever the comparisons say");

  auto back = std::make_shared<std::string>();
  CLI::App* rollback =
      AddCommand(context, "rollback", "Undo a cut-over: the old table takes its place again",
                 "  afluente rollback user-integration\n"
                 "The old table is as it was at the cut-over. The job runs in shadow again.",
                 [&flags = context.flags, back] { return Rollback(flags, *back); });
  rollback->add_option("INTEGRATION", *back, "One that was cut over")->required();
}

}  // namespace afluente::cli
