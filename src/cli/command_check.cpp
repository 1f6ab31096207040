#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "estate/load.h"
#include "orchestrator/check_sources.h"
#include "orchestrator/dag_jobs.h"
#include "pipeline/model_graph.h"
#include "pipeline/transform_check.h"

namespace afluente::cli {
namespace {

void Print(const std::vector<estate::Finding>& findings, const estate::Estate& estate) {
  for (const estate::Finding& finding : findings) {
    fmt::print("{}: {}\n", Styled(stdout, "1", finding.mark.ToString()), finding.message);
  }
  if (findings.empty()) {
    const auto counted = [](std::size_t count, std::string_view what) {
      return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
    };
    std::string others;
    if (!estate.models.empty()) others += ", " + counted(estate.models.size(), "model");
    if (!estate.dags.empty()) others += ", " + counted(estate.dags.size(), "DAG");
    fmt::print("{}: {}, {}, {}{}; nothing to complain about\n", estate.name,
               counted(estate.projects.size(), "project"),
               counted(estate.connections.size(), "connection"),
               counted(estate.integrations.size(), "integration"), others);
    return;
  }
  fmt::print("\n{} finding{}\n", findings.size(), findings.size() == 1 ? "" : "s");
}

struct CheckFlags {
  std::string folder;
  bool offline = false;
};

std::vector<estate::Finding> AskSources(const estate::Estate& estate) {
  orchestrator::SourceFindings answers = orchestrator::CheckSources(estate);
  for (const std::string& why : answers.unresolved) spdlog::info("not asked: {}", why);
  for (const std::string& why : answers.unreachable) spdlog::warn("not asked: {}", why);
  return std::move(answers.findings);
}

Result<int> Check(const GlobalFlags& flags, const CheckFlags& check) {
  std::filesystem::path folder = check.folder;
  if (folder.empty()) {
    AFL_ASSIGN(folder, EstateFolder(flags));
  }
  AFL_ASSIGN(estate::Loaded loaded, estate::Load(folder, flags.profile));
  AFL_ASSIGN(std::vector<estate::Finding> transforms, pipeline::CheckTransforms(loaded.estate));
  AFL_ASSIGN(const pipeline::ModelGraph graph, pipeline::ReadModelGraph(loaded.estate));
  auto& findings = loaded.findings;
  if (findings.empty() && graph.findings.empty()) {
    findings = orchestrator::CheckDags(loaded.estate, graph);
  }
  // An estate with mistakes of its own is not fit to ask anybody with.
  if (findings.empty() && !check.offline) findings = AskSources(loaded.estate);
  findings.insert(findings.end(), transforms.begin(), transforms.end());
  findings.insert(findings.end(), graph.findings.begin(), graph.findings.end());
  if (flags.json) {
    nlohmann::json document = {{"estate", loaded.estate.name},
                               {"findings", nlohmann::json::array()}};
    for (const estate::Finding& finding : findings) document["findings"].push_back(ToJson(finding));
    fmt::print("{}\n", document.dump(2));
  } else {
    Print(findings, loaded.estate);
  }
  return findings.empty() ? kOk : kNo;
}

}  // namespace

void AddCheckCommand(const CommandContext& context) {
  auto check = std::make_shared<CheckFlags>();
  CLI::App* command = AddCommand(
      context, "check", "Find what is wrong in an estate, all of it in one pass",
      "  afluente check                    the nearest estate upwards\n"
      "  afluente check estates/movva      another folder\n"
      "  afluente check --json             for CI: {\"findings\": [{file, line, column, "
      "message}]}\n"
      "  afluente check --offline          asks no database\n"
      "Databases that integrations of mode cdc read from are asked whether they can be followed;\n"
      "one whose ${env:NAME} is not set, or that does not answer, is not, and that is said.\n"
      "Exit 0 clean, 1 findings, 2 unusable.",
      [&flags = context.flags, check] { return Check(flags, *check); });
  command->add_option("DIR", check->folder, "Folder with estate.yaml");
  command->add_flag("--offline", check->offline, "Ask no database");
}

}  // namespace afluente::cli
