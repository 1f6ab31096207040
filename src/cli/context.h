// What every command shares: global flags, the estate, exit codes, output.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "estate/estate.h"
#include "orchestrator/state_folder.h"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11 chose it.
class App;
}

namespace afluente::cli {

/// Exit codes; documented in README.md.
enum ExitCode : int {
  kOk = 0,           // Done.
  kNo = 1,           // The answer is no: findings, differences, a failed run.
  kUnusable = 2,     // Wrong use, unusable estate, refused credentials.
  kUnreachable = 3,  // A system could not be reached.
  kInterrupted = 130,
};

ExitCode ExitCodeFor(ErrorKind kind);

struct GlobalFlags {
  std::string estate;   // --estate; "": nearest folder upwards.
  std::string state;    // --state; "": <estate>/.afluente.
  std::string profile;  // --profile.
  std::string log_format = "text";
  bool json = false;
  bool quiet = false;
  bool verbose = false;
};

/// A command registers itself on `app`; `exit_code` receives its result.
struct CommandContext {
  CLI::App& app;
  const GlobalFlags& flags;
  int& exit_code;
};

/// Declares a subcommand whose body returns an exit code or fails; a failure
/// is printed once, by ReportError, and becomes its exit code.
CLI::App* AddCommand(const CommandContext& context, const std::string& name,
                     const std::string& summary, const std::string& examples,
                     std::function<Result<int>()> body);

/// Loads the estate that the flags name and refuses one with findings: they
/// are printed to stderr and the error says how many there are.
Result<estate::Estate> LoadCleanEstate(const GlobalFlags& flags);

/// The folder that the flags name.
Result<std::filesystem::path> EstateFolder(const GlobalFlags& flags);

/// "error: ..." on stderr, or {"error": {...}} on stdout with --json.
void ReportError(const GlobalFlags& flags, const Error& error);

nlohmann::json ToJson(const estate::Finding& finding);

/// Colours and moving lines are for terminals only.
bool IsTerminal(FILE* stream);

/// `text` in an ANSI style ("1" bold, "31" red, ...) if `stream` is a terminal
/// and NO_COLOR is not set.
std::string Styled(FILE* stream, const std::string& style, const std::string& text);

}  // namespace afluente::cli
