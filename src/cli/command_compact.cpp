#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/table.h"
#include "cli/units.h"
#include "connectors/duckdb/compact.h"
#include "connectors/duckdb/warehouse.h"

namespace afluente::cli {
namespace {

Result<int> CompactProjects(const GlobalFlags& flags, const std::vector<std::string>& wanted) {
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, flags.state));
  AFL_ASSIGN(const auto lock, orchestrator::StateLock::Take(paths.root, "compact"));
  std::vector<std::string> projects = wanted;
  if (projects.empty()) {
    AFL_ASSIGN(projects, duck::ListProjects(paths.warehouse));
  }
  Table table({{"project"}, {"MB before", Align::kRight}, {"MB after", Align::kRight}});
  nlohmann::json document = {{"projects", nlohmann::json::array()}};
  for (const std::string& project : projects) {
    AFL_ASSIGN(const duck::Compacted done, duck::Compact(paths.warehouse, project));
    table.Add({project, FormatMegabytes(done.bytes_before), FormatMegabytes(done.bytes_after)});
    document["projects"].push_back({{"project", project},
                                    {"bytes_before", done.bytes_before},
                                    {"bytes_after", done.bytes_after}});
  }
  fmt::print("{}", flags.json ? document.dump(2) + "\n" : table.ToString());
  return kOk;
}

}  // namespace

void AddCompactCommand(const CommandContext& context) {
  auto projects = std::make_shared<std::vector<std::string>>();
  CLI::App* command = AddCommand(
      context, "compact", "Rewrite warehouse files without the space that old versions left",
      "  afluente compact                          every project\n"
      "  afluente compact operations-dashboards    one",
      [&flags = context.flags, projects] { return CompactProjects(flags, *projects); });
  command->add_option("PROJECT", *projects, "Projects whose files to rewrite");
}

}  // namespace afluente::cli
