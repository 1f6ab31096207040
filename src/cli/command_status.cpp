#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>

#include "cli/commands.h"
#include "cli/table.h"
#include "cli/units.h"
#include "orchestrator/jobs.h"
#include "orchestrator/run_store.h"
#include "orchestrator/shadow/apply_shadows.h"
#include "server/documents.h"

namespace afluente::cli {
namespace {

using orchestrator::RunRecord;
using orchestrator::RunState;

// A run that is recorded as running while nobody holds the state folder died.
void MarkDead(std::vector<RunRecord>& runs, const std::filesystem::path& root) {
  const bool nobody_runs =
      orchestrator::StateLock::Take(root, "status", orchestrator::LockKind::kShared).ok();
  for (RunRecord& run : runs) {
    if (!nobody_runs || run.state != RunState::kRunning) continue;
    run.state = RunState::kFailed;
    run.error_kind = NameOf(ErrorKind::kInternal);
    run.error = "the process that ran it ended without a word";
  }
}

std::string ShownState(const RunRecord& run) {
  const std::string state(NameOf(run.state));
  if (run.state == RunState::kFailed) return state + ": " + run.error;
  return state;
}

Result<std::vector<RunRecord>> LoadRuns(const std::filesystem::path& store,
                                        const std::string& history) {
  if (!std::filesystem::exists(store)) return std::vector<RunRecord>();
  AFL_ASSIGN(const auto runs, orchestrator::RunStore::Open(store));
  constexpr int kHistoryRows = 20;
  return history.empty() ? runs->Latest() : runs->History(history, kHistoryRows);
}

Result<std::map<std::string, nlohmann::json>> LoadVerifications(
    const std::filesystem::path& store) {
  std::map<std::string, nlohmann::json> found;
  if (!std::filesystem::exists(store)) return found;
  AFL_ASSIGN(const auto runs, orchestrator::RunStore::Open(store));
  AFL_ASSIGN(const auto records, runs->Verifications());
  for (const auto& record : records) found[record.integration] = server::ToJson(record);
  return found;
}

void PrintVerifications(const std::map<std::string, nlohmann::json>& verifications) {
  if (verifications.empty()) return;
  Table table({{"verified"}, {"at"}, {"source rows", Align::kRight}, {"result"}});
  for (const auto& [name, record] : verifications) {
    table.Add({name, record.at("verified_at").get<std::string>().substr(0, 19) + "Z",
               FormatCount(record.at("rows").get<std::uint64_t>()),
               server::ToldOfVerification(record)});
  }
  fmt::print("\n{}", table.ToString());
}

using Shadows = std::map<std::string, orchestrator::ShadowState>;

Result<Shadows> LoadShadows(const estate::Estate& estate, const std::filesystem::path& store) {
  const auto declared = orchestrator::ShadowsOf(estate);
  if (declared.empty() || !std::filesystem::exists(store)) return Shadows();
  AFL_ASSIGN(const auto runs, orchestrator::RunStore::Open(store));
  orchestrator::ShadowStore states(runs->file());
  return orchestrator::StatesOf(declared, states);
}

void PrintShadows(const Shadows& shadows) {
  if (shadows.empty()) return;
  Table table({{"beside today's pipeline"}, {"state"}});
  for (const auto& [name, state] : shadows) table.Add({name, std::string(NameOf(state))});
  fmt::print("\n{}`afluente shadow` shows how they compare\n", table.ToString());
}

Result<int> PrintStatus(const GlobalFlags& flags, const std::string& history) {
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  std::string job = history;
  if (!history.empty()) {
    AFL_ASSIGN(const estate::Estate::Job found, estate.FindJob(history));
    job = orchestrator::NameOf(found);
  }
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, flags.state));
  AFL_ASSIGN(std::vector<RunRecord> runs, LoadRuns(paths.run_store, job));
  MarkDead(runs, paths.root);
  AFL_ASSIGN(const auto verifications, LoadVerifications(paths.run_store));
  AFL_ASSIGN(const auto shadows, LoadShadows(estate, paths.run_store));
  if (flags.json) {
    nlohmann::json document = {{"runs", nlohmann::json::array()}};
    for (const RunRecord& run : runs) document["runs"].push_back(server::ToJson(run));
    document["verifications"] = nlohmann::json::array();
    for (const auto& [name, record] : verifications) document["verifications"].push_back(record);
    document["shadows"] = nlohmann::json::object();
    for (const auto& [name, state] : shadows) document["shadows"][name] = NameOf(state);
    fmt::print("{}\n", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return kOk;
  }
  std::map<std::string, const RunRecord*> latest;
  for (const RunRecord& run : runs) latest[run.job] = &run;
  Table table({{"integration"},
               {"mode"},
               {"last run"},
               {"rows", Align::kRight},
               {"time", Align::kRight},
               {"result"}});
  const auto add = [&](const RunRecord& run) {
    table.Add({run.job, run.mode, run.started_at.substr(0, 19) + "Z", FormatCount(run.rows),
               FormatSeconds(run.seconds), ShownState(run)});
  };
  if (!history.empty()) {
    for (const RunRecord& run : runs) add(run);
  } else {
    const auto add_latest = [&](const std::string& name, const std::string& mode) {
      if (latest.contains(name)) {
        add(*latest[name]);
      } else {
        table.Add({name, mode, "never", "", "", ""});
      }
    };
    for (const auto& [name, integration] : estate.integrations) {
      add_latest(name, std::string(NameOf(integration.mode)));
    }
    for (const auto& [address, model] : estate.models) add_latest(model.name, "model");
  }
  constexpr std::size_t kWidthMax = 100;
  fmt::print("{}", table.ToString(kWidthMax));
  if (history.empty()) PrintVerifications(verifications);
  if (history.empty()) PrintShadows(shadows);
  return kOk;
}

}  // namespace

void AddStatusCommand(const CommandContext& context) {
  auto history = std::make_shared<std::string>();
  CLI::App* command =
      AddCommand(context, "status", "Show the last run of every integration and model",
                 "  afluente status\n  afluente status messages    its last 20 runs",
                 [&flags = context.flags, history] { return PrintStatus(flags, *history); });
  command->add_option("JOB", *history, "Show the history of one integration or model");
}

}  // namespace afluente::cli
