#include "cli/context.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "estate/load.h"
#include "orchestrator/shadow/apply_shadows.h"
#include "server/documents.h"

namespace afluente::cli {

ExitCode ExitCodeFor(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidConfig:
    case ErrorKind::kUnauthorized:
      return kUnusable;
    case ErrorKind::kTransient:
      return kUnreachable;
    case ErrorKind::kCancelled:
      return kInterrupted;
    case ErrorKind::kNotFound:
    case ErrorKind::kSchemaMismatch:
    case ErrorKind::kConversion:
    case ErrorKind::kInternal:
      return kNo;
  }
  return kNo;
}

CLI::App* AddCommand(const CommandContext& context, const std::string& name,
                     const std::string& summary, const std::string& examples,
                     std::function<Result<int>()> body) {
  CLI::App* command = context.app.add_subcommand(name, summary);
  command->footer("Examples:\n" + examples);
  command->fallthrough();
  command->callback(
      [flags = &context.flags, exit_code = &context.exit_code, body = std::move(body)] {
        Result<int> result = body();
        if (!result.ok()) ReportError(*flags, result.error());
        *exit_code = result.ok() ? result.value() : ExitCodeFor(result.error().kind());
      });
  return command;
}

Result<std::filesystem::path> EstateFolder(const GlobalFlags& flags) {
  if (!flags.estate.empty()) return std::filesystem::path(flags.estate);
  return estate::FindEstateFolder(std::filesystem::current_path());
}

Result<estate::Estate> LoadCleanEstate(const GlobalFlags& flags) {
  AFL_ASSIGN(const std::filesystem::path folder, EstateFolder(flags));
  AFL_ASSIGN(estate::Loaded loaded, estate::Load(folder, flags.profile));
  if (loaded.findings.empty()) {
    AFL_TRY(orchestrator::ApplyShadows(loaded.estate, flags.state));
    return std::move(loaded.estate);
  }
  for (const estate::Finding& finding : loaded.findings) {
    fmt::print(stderr, "{}: {}\n", finding.mark.ToString(), finding.message);
  }
  return Error(ErrorKind::kInvalidConfig,
               fmt::format("the estate has {} finding{}; `afluente check` lists them",
                           loaded.findings.size(), loaded.findings.size() == 1 ? "" : "s"));
}

nlohmann::json ToJson(const estate::Finding& finding) {
  return {{"file", finding.mark.file.text()},
          {"line", finding.mark.line},
          {"column", finding.mark.column},
          {"message", finding.message}};
}

void ReportError(const GlobalFlags& flags, const Error& error) {
  if (flags.json) {
    fmt::print("{}\n", nlohmann::json{{"error", server::ToJson(error)}}.dump(2));
  } else {
    fmt::print(stderr, "{} {}\n", Styled(stderr, "1;31", "error:"), error.message());
  }
}

bool IsTerminal(FILE* stream) { return isatty(fileno(stream)) == 1; }

std::string Styled(FILE* stream, const std::string& style, const std::string& text) {
  if (!IsTerminal(stream) || std::getenv("NO_COLOR") != nullptr) return text;
  return "\x1b[" + style + "m" + text + "\x1b[0m";
}

}  // namespace afluente::cli
