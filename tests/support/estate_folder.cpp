#include "support/estate_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace afluente::test {
namespace {

using nlohmann::json;

std::string EnvNameOf(const std::string& connection) {
  std::string name = connection + "_DSN";
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char letter) {
    return letter == '-' ? '_' : static_cast<char>(std::toupper(letter));
  });
  return name;
}

Cell CellOf(const json& value) {
  if (value.is_null()) return std::nullopt;
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

EstateFolder::EstateFolder(const std::map<std::string, std::string>& dsns) {
  std::string yaml =
      "estate: trial\n"
      "time_zone: UTC\n"
      "mask_salt: \"${env:MASK_SALT}\"\n"
      "projects:\n"
      "  dw: { description: The warehouse of a test }\n";
  if (!dsns.empty()) yaml += "connections:\n";
  for (const auto& [name, dsn] : dsns) {
    yaml += fmt::format("  {}: {{ type: postgres, project: dw, dsn: \"${{env:{}}}\" }}\n", name,
                        EnvNameOf(name));
    SetEnv(EnvNameOf(name), dsn);
  }
  SetEnv("MASK_SALT", "salt of the tests");
  Write("estate.yaml", yaml);
  std::filesystem::create_directories(path() / "integrations");
}

void EstateFolder::Write(const std::string& file, const std::string& text) const {
  WriteFile(path() / file, text);
}

void EstateFolder::Integration(const std::string& name, const std::string& yaml) const {
  Write("integrations/" + name + ".yaml", "integration: " + name + "\n" + yaml);
}

Command EstateFolder::Afluente(std::vector<std::string> args) const {
  Command command;
  command.args = {AfluenteBinary()};
  command.args.insert(command.args.end(), args.begin(), args.end());
  command.args.insert(command.args.end(), {"--estate", path()});
  command.env = env_;
  command.cwd = path();
  return command;
}

Rows EstateFolder::Query(const std::string& sql) const {
  const Outcome outcome = Run({"query", sql, "--format", "json"});
  if (outcome.exit_code != 0) {
    throw std::runtime_error(
        fmt::format("query failed: {}\n{}", sql.substr(0, 2000), outcome.ToString()));
  }
  // An ordered parse: columns stand in the order of the SELECT.
  const auto document = nlohmann::ordered_json::parse(outcome.out);
  Rows rows;
  for (const auto& object : document.is_array() ? document : document.at("rows")) {
    Row row;
    for (const auto& value : object) row.push_back(CellOf(value));
    rows.push_back(std::move(row));
  }
  return rows;
}

RunReport ReadReport(const std::string& run_stdout, const std::string& integration) {
  const json document = json::parse(run_stdout);
  for (const json& entry : document.at("runs")) {
    if (entry.at("integration") != integration) continue;
    RunReport report;
    report.entry = entry;
    report.state = entry.value("state", "");
    report.rows = entry.value("rows", std::int64_t{-1});
    return report;
  }
  throw std::runtime_error("no report of " + integration + " in " + run_stdout);
}

}  // namespace afluente::test
