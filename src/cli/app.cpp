#include "cli/app.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "base/names.h"
#include "cli/commands.h"
#include "cli/state_commands.h"

namespace afluente::cli {
namespace {

constexpr const char* kDescription =
    "Moves, transforms, schedules, watches, guards and prices the data flows of an estate:\n"
    "a folder of YAML and SQL, kept in git.";

constexpr const char* kFooter =
    "Exit codes: 0 done, 1 the answer is no (findings, differences, failed run), 2 wrong use,\n"
    "unusable estate or refused credentials, 3 a system could not be reached, 130 interrupted.\n"
    "`afluente COMMAND --help` has examples.";

// One JSON object a line; spdlog's patterns cannot escape a message.
class JsonLogFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const WallTime time = std::chrono::time_point_cast<std::chrono::microseconds>(message.time);
    const spdlog::string_view_t level = spdlog::level::to_string_view(message.level);
    const nlohmann::json line = {
        {"time", FormatRfc3339(time)},
        {"level", std::string(level.data(), level.size())},
        {"message", std::string(message.payload.data(), message.payload.size())}};
    fmt::format_to(std::back_inserter(out), "{}\n",
                   line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonLogFormatter>();
  }
};

void SetUpLogging(const GlobalFlags& flags) {
  auto logger = spdlog::stderr_color_mt("afluente");
  if (flags.log_format == "json") {
    logger->set_formatter(std::make_unique<JsonLogFormatter>());
  } else {
    logger->set_pattern("%^%l%$: %v");
  }
  logger->set_level(flags.quiet     ? spdlog::level::warn
                    : flags.verbose ? spdlog::level::debug
                                    : spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void AddGlobalFlags(CLI::App& app, GlobalFlags& flags) {
  app.add_option("--estate", flags.estate,
                 "Folder with estate.yaml (default: the nearest one upwards)");
  app.add_option("--state", flags.state,
                 "Folder of warehouse, lake and run store (default: ESTATE/.afluente)");
  app.add_option("--profile", flags.profile, "Profile of estate.yaml whose keys override");
  app.add_flag("--json", flags.json, "One JSON document on stdout, nothing else there");
  app.add_flag("--quiet", flags.quiet, "Only warnings and errors on stderr");
  app.add_flag("--verbose", flags.verbose, "Debug messages on stderr");
  app.add_option("--log-format", flags.log_format, "Form of messages on stderr")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

// CLI11 says only "the following arguments were not expected".
void SuggestCommand(const CLI::App& app, int argc, const char* const* argv) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("-")) continue;
    if (std::find(names.begin(), names.end(), word) != names.end()) return;
    fmt::print(stderr, "unknown command \"{}\"{}\n", word, DidYouMean(word, names));
    return;
  }
}

}  // namespace

int Main(int argc, const char* const* argv) {
  GlobalFlags flags;
  int exit_code = kOk;
  CLI::App app(kDescription, "afluente");
  app.footer(kFooter);
  app.require_subcommand(1);
  AddGlobalFlags(app, flags);
  // Parsed before any command's body runs: bodies are callbacks of the parse.
  app.parse_complete_callback([&] { SetUpLogging(flags); });

  const CommandContext context{app, flags, exit_code};
  AddInitCommand(context);
  AddCheckCommand(context);
  AddRunCommand(context);
  AddReconcileCommand(context);
  AddQueryCommand(context);
  AddTablesCommand(context);
  AddStatusCommand(context);
  AddScheduleCommand(context);
  AddSimulateCommand(context);
  AddServeCommand(context);
  AddRunsCommand(context);
  AddLogsCommand(context);
  AddBackfillCommand(context);
  AddJobCommands(context);
  AddLagCommand(context);
  AddPauseCommands(context);
  AddBackupCommands(context);
  AddShadowCommands(context);
  AddCompactCommand(context);
  AddSchemaCommand(context);
  AddCompletionCommand(context);
  AddWorkerCommand(context);
  AddVersionCommand(context);

  const Status status = Guarded([&]() -> Status {
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      const bool asked_for_help = error.get_exit_code() == 0;
      if (!asked_for_help) SuggestCommand(app, argc, argv);
      exit_code = app.exit(error) == 0 ? kOk : kUnusable;
    }
    return Done{};
  });
  if (!status.ok()) {
    ReportError(flags, status.error());
    return kNo;
  }
  return exit_code;
}

}  // namespace afluente::cli
