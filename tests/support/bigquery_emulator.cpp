#include "support/bigquery_emulator.h"

#include <fmt/format.h>
#include <httplib.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "support/free_port.h"

namespace afluente::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path Extras() { return AFLUENTE_EXTRAS; }

// Its DuckDB looks for extensions below the home folder.
void PutSpatial(const fs::path& home) {
  for (const auto& entry : fs::recursive_directory_iterator(Extras() / "lib")) {
    if (entry.path().filename() != "spatial.duckdb_extension") continue;
    const fs::path folder =
        home / ".duckdb" / "extensions" / entry.path().parent_path().filename() / "linux_amd64";
    fs::create_directories(folder);
    fs::create_symlink(entry.path(), folder / entry.path().filename());
    return;
  }
  throw std::runtime_error("the emulator's spatial extension is missing: ./dev setup --extras");
}

}  // namespace

std::optional<std::string> BigqueryEmulator::Missing() {
  if (fs::exists(Extras() / "bin" / "bqemulator")) return std::nullopt;
  return "the BigQuery emulator is not installed: ./dev setup --extras";
}

BigqueryEmulator::BigqueryEmulator(const std::string& project) : project_(project) {
  PutSpatial(folder_.path());
  const int port = FreePort();
  const int storage_port = FreePort();
  url_ = fmt::format("http://127.0.0.1:{}", port);
  storage_host_ = fmt::format("127.0.0.1:{}", storage_port);
  Command command;
  command.args = {(Extras() / "bin" / "bqemulator").string(),
                  "start",
                  "--rest-port",
                  std::to_string(port),
                  "--grpc-port",
                  std::to_string(storage_port),
                  "--project",
                  project,
                  "--log-level",
                  "warning"};
  command.env = {{"HOME", folder_.path().string()}};
  command.cwd = folder_.path();
  server_.emplace(command);
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!httplib::Client(url_).Get("/bigquery/v2/projects/" + project + "/datasets")) {
    if (server_->EndsWithin(std::chrono::milliseconds(100))) {
      throw std::runtime_error("the BigQuery emulator ended: " + server_->err());
    }
    if (std::chrono::steady_clock::now() > until) {
      throw std::runtime_error("the BigQuery emulator does not answer");
    }
  }
}

json BigqueryEmulator::Send(const std::string& method, const std::string& path,
                            const std::string& body) const {
  httplib::Client client(url_);
  client.set_read_timeout(std::chrono::minutes(2));
  const std::string url = "/bigquery/v2/projects/" + project_ + path;
  const auto answer =
      method == "GET" ? client.Get(url) : client.Post(url, body, "application/json");
  if (!answer) throw std::runtime_error("the BigQuery emulator went away");
  return json::parse(answer->body);
}

std::vector<std::string> BigqueryEmulator::Lines(const std::string& sql) const {
  const json answer =
      Send("POST", "/queries", json{{"query", sql}, {"useLegacySql", false}}.dump());
  if (answer.contains("error") || !answer.value("errors", json::array()).empty()) {
    throw std::runtime_error(sql + ": " + answer.dump());
  }
  std::vector<std::string> lines;
  for (const json& row : answer.value("rows", json::array())) {
    std::string& line = lines.emplace_back();
    for (const json& cell : row["f"]) {
      const json& value = cell["v"];
      if (&cell != &row["f"].front()) line += "|";
      line += value.is_null()     ? "NULL"
              : value.is_string() ? value.get<std::string>()
                                  : value.dump();
    }
  }
  return lines;
}

std::vector<std::string> BigqueryEmulator::Columns(const std::string& dataset,
                                                   const std::string& table) const {
  const json answer = Send("GET", "/datasets/" + dataset + "/tables/" + table, "");
  std::vector<std::string> columns;
  if (!answer.contains("schema")) return columns;
  for (const json& field : answer["schema"]["fields"]) {
    std::string column = field["name"].get<std::string>() + " " + field["type"].get<std::string>();
    if (field.value("mode", "") == "REPEATED") column += " REPEATED";
    columns.push_back(std::move(column));
  }
  return columns;
}

std::vector<std::string> BigqueryEmulator::Tables(const std::string& dataset) const {
  const json answer = Send("GET", "/datasets/" + dataset + "/tables", "");
  std::vector<std::string> tables;
  for (const json& table : answer.value("tables", json::array())) {
    tables.push_back(table["tableReference"]["tableId"]);
  }
  return tables;
}

}  // namespace afluente::test
