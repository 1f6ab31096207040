#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "cli/commands.h"
#include "estate/load.h"

namespace afluente::cli {
namespace {

std::string FlagsOf(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return fmt::format("{}", fmt::join(flags, " "));
}

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) {
    return !command->get_name().empty() && !command->get_group().empty();
  });
}

// What commands call their arguments.
constexpr const char* kJobArgument = "JOB";
constexpr const char* kIntegrationArgument = "INTEGRATION";

bool Takes(const CLI::App& command, std::string_view what) {
  const auto options = command.get_options();
  return std::any_of(options.begin(), options.end(), [&](const CLI::Option* option) {
    return option->get_positional() && option->get_name(true).find(what) != std::string::npos;
  });
}

// The commands whose argument is such a name: "run|status".
std::string CommandsThatTake(const CLI::App& app, std::string_view what, std::string_view between) {
  std::vector<std::string> names;
  for (const CLI::App* command : CommandsOf(app)) {
    if (Takes(*command, what)) names.push_back(command->get_name());
  }
  return fmt::format("{}", fmt::join(names, between));
}

// Names are asked for while completing, so they are never stale.
std::string BashScript(const CLI::App& app) {
  std::vector<std::string> names;
  std::string cases;
  for (const CLI::App* command : CommandsOf(app)) {
    names.push_back(command->get_name());
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command->get_name(), FlagsOf(*command));
  }
  return fmt::format(R"sh(_afluente() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}} words=""
  case $command in
{cases}    *) words="{names} {global}" ;;
  esac
  case $command in
    {jobs}) words="$words {global} $(afluente completion --jobs 2>/dev/null)" ;;
    {integrations}) words="$words {global} $(afluente completion --integrations 2>/dev/null)" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}}
complete -o default -F _afluente afluente
)sh",
                     fmt::arg("cases", cases), fmt::arg("names", fmt::join(names, " ")),
                     fmt::arg("jobs", CommandsThatTake(app, kJobArgument, "|")),
                     fmt::arg("integrations", CommandsThatTake(app, kIntegrationArgument, "|")),
                     fmt::arg("global", FlagsOf(app)));
}

std::string ZshScript(const CLI::App& app) {
  return "autoload -U +X bashcompinit && bashcompinit\n" + BashScript(app);
}

std::string FishScript(const CLI::App& app) {
  std::string script = "complete -c afluente -f\n";
  for (const CLI::App* command : CommandsOf(app)) {
    script += fmt::format("complete -c afluente -n __fish_use_subcommand -a {} -d '{}'\n",
                          command->get_name(), command->get_description());
  }
  for (const auto& [argument, flag] :
       {std::pair(kJobArgument, "--jobs"), std::pair(kIntegrationArgument, "--integrations")}) {
    script += fmt::format(
        "complete -c afluente -n '__fish_seen_subcommand_from {}' "
        "-a '(afluente completion {} 2>/dev/null)'\n",
        CommandsThatTake(app, argument, " "), flag);
  }
  return script;
}

Result<int> PrintNames(const GlobalFlags& flags, bool all_jobs) {
  AFL_ASSIGN(const auto folder, EstateFolder(flags));
  AFL_ASSIGN(const estate::Loaded loaded, estate::Load(folder, flags.profile));
  for (const auto& [name, integration] : loaded.estate.integrations) fmt::print("{}\n", name);
  if (!all_jobs) return kOk;
  for (const auto& [address, model] : loaded.estate.models) fmt::print("{}\n", model.name);
  for (const auto& [name, dag] : loaded.estate.dags) fmt::print("{}\n", name);
  return kOk;
}

}  // namespace

void AddCompletionCommand(const CommandContext& context) {
  auto shell = std::make_shared<std::string>("bash");
  auto integrations = std::make_shared<bool>(false);
  auto jobs = std::make_shared<bool>(false);
  CLI::App* command = AddCommand(
      context, "completion", "Print a completion script for a shell",
      "  afluente completion bash > /etc/bash_completion.d/afluente\n"
      "  afluente completion zsh  >> ~/.zshrc\n"
      "  afluente completion fish > ~/.config/fish/completions/afluente.fish",
      [app = &context.app, &flags = context.flags, shell, integrations, jobs]() -> Result<int> {
        if (*integrations || *jobs) return PrintNames(flags, *jobs);
        fmt::print("{}", *shell == "fish"  ? FishScript(*app)
                         : *shell == "zsh" ? ZshScript(*app)
                                           : BashScript(*app));
        return kOk;
      });
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->add_flag("--integrations", *integrations, "Print the names of integrations instead");
  command->add_flag("--jobs", *jobs, "Print the names of all jobs instead");
}

}  // namespace afluente::cli
