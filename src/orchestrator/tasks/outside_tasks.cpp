#include "orchestrator/tasks/outside_tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/names.h"
#include "connectors/duckdb/warehouse.h"
#include "connectors/http/request.h"
#include "data/duckdb_api.h"
#include "orchestrator/tasks/pieces.h"

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr int kFirstGoodStatus = 200;
constexpr int kLastGoodStatus = 299;

fs::path InEstate(const TaskContext& context, const std::string& path) {
  return fs::absolute(fs::path(context.estate.folder) / path);
}

bool IsExpected(const std::vector<int>& expected, int status) {
  if (expected.empty()) return status >= kFirstGoodStatus && status <= kLastGoodStatus;
  return std::find(expected.begin(), expected.end(), status) != expected.end();
}

Result<http::Answer> Ask(const TaskContext& context, const estate::HttpTask& action,
                         const estate::TemplateValues& values, const std::stop_token& stop) {
  http::Request request;
  request.method = action.method;
  AFL_ASSIGN(request.url, RenderPrivate(context, action.url, values));
  AFL_ASSIGN(request.body, RenderPrivate(context, action.body, values));
  for (const auto& [name, value] : action.headers) {
    AFL_ASSIGN(request.headers[name], RenderPrivate(context, value, values));
  }
  return http::Send(request, stop);
}

// Whether a job has written the table late enough.
Result<bool> IsFresh(const TaskContext& context, const estate::SensorTask& action,
                     const Attempt& attempt) {
  const auto& projects = context.owner->warehouse().projects();
  const estate::TableAddress& table = *action.table;
  if (std::find(projects.begin(), projects.end(), table.project) == projects.end()) return false;
  AFL_ASSIGN(const data::DuckConnection connection, context.owner->warehouse().Connect());
  const WallTime since =
      action.max_age.count() > 0 ? context.clock.Now() - action.max_age : attempt.nominal;
  AFL_ASSIGN(
      const auto rows,
      data::QueryCells(connection.get(),
                       fmt::format("SELECT 1 FROM {}.checkpoints WHERE destination = {} AND "
                                   "committed_at >= CAST('{}' AS TIMESTAMPTZ) LIMIT 1",
                                   QuoteIdentifier(table.project) + "." + duck::kSystemSchema,
                                   QuoteLiteral(table.ToString()), FormatRfc3339(since))));
  return !rows.empty();
}

Result<bool> IsThere(const TaskContext& context, const estate::SensorTask& action,
                     const estate::TemplateValues& values, const Attempt& attempt,
                     const std::stop_token& stop) {
  if (action.table) return IsFresh(context, action, attempt);
  if (!action.file.empty()) {
    AFL_ASSIGN(const std::string file, RenderPrivate(context, action.file, values));
    std::error_code error;
    return fs::exists(InEstate(context, file), error);
  }
  estate::HttpTask request;
  request.url = action.url;
  const auto answer = Ask(context, request, values, stop);
  // Nobody there is what it waits for to change.
  if (!answer.ok() && answer.error().kind() == ErrorKind::kTransient) return false;
  if (!answer.ok()) return answer.error();
  return IsExpected({}, answer.value().status);
}

}  // namespace

ProcessWork WorkOf(const TaskContext& context, const estate::Dag& dag,
                   const estate::CommandTask& action) {
  return [&context, &dag, &action](const Attempt& attempt) -> Result<Command> {
    AFL_ASSIGN(const auto values, ValuesOf(context, dag, attempt));
    Command command;
    for (const std::string& argument : action.arguments) {
      AFL_ASSIGN(std::string made, estate::Render(argument, values, estate::Quoting::kPlain));
      command.arguments.push_back(std::move(made));
    }
    for (const auto& [name, value] : action.environment) {
      AFL_ASSIGN(command.environment[name], RenderPrivate(context, value, values));
    }
    AFL_ASSIGN(const auto given, ParametersOf(attempt.params));
    AFL_ASSIGN(const auto params, estate::FillParameters(dag, given));
    command.environment["AFLUENTE_PARAMS"] = nlohmann::json(params).dump();
    command.environment.merge(EnvironmentOf(attempt));
    command.working_folder = InEstate(context, action.folder);
    return command;
  };
}

ThreadWork WorkOf(const TaskContext& context, const estate::Dag& dag,
                  const estate::HttpTask& action) {
  return ThreadWorkOf([&context, &dag, &action](const Attempt& attempt, const std::stop_token& stop,
                                                AttemptOutcome& outcome) {
    const auto ask = [&]() -> Status {
      AFL_ASSIGN(const auto values, ValuesOf(context, dag, attempt));
      AFL_ASSIGN(const http::Answer answer, Ask(context, action, values, stop));
      outcome.bytes = answer.body.size();
      outcome.output = nlohmann::json{{"status", answer.status}}.dump();
      if (IsExpected(action.expect, answer.status)) return Done{};
      return Error(http::KindOfStatus(answer.status),
                   fmt::format("the answer's status is {}", answer.status));
    };
    return ask().Within([&] { return action.mark.ToString(); });
  });
}

ThreadWork WorkOf(const TaskContext& context, const estate::Dag& dag,
                  const estate::SensorTask& action) {
  return ThreadWorkOf([&context, &dag, &action](const Attempt& attempt, const std::stop_token& stop,
                                                AttemptOutcome& outcome) {
    const auto look = [&]() -> Status {
      AFL_ASSIGN(const auto values, ValuesOf(context, dag, attempt));
      AFL_ASSIGN(const bool there, IsThere(context, action, values, attempt, stop));
      if (!there) outcome.again_after = action.every;
      return Done{};
    };
    return look().Within([&] { return action.mark.ToString(); });
  });
}

}  // namespace afluente::orchestrator
