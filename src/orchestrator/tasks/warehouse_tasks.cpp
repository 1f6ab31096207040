#include "orchestrator/tasks/warehouse_tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/names.h"
#include "connectors/duckdb/data_tests.h"
#include "connectors/duckdb/interrupt.h"
#include "orchestrator/tasks/pieces.h"
#include "pipeline/model_graph.h"
#include "pipeline/sql_parser.h"

namespace afluente::orchestrator {
namespace {

using data::DuckConnection;

// Calls `work` with a connection that `stop` interrupts.
Status WithWarehouse(const TaskContext& context, const std::stop_token& stop,
                     const std::function<Status(duckdb_connection)>& work) {
  AFL_ASSIGN(const DuckConnection connection, context.owner->warehouse().Connect());
  const duck::InterruptOnStop interrupt(connection.get(), stop);
  return work(connection.get());
}

Status RunStatements(duckdb_connection connection, const std::string& sql) {
  AFL_TRY(data::Execute(connection, "BEGIN"));
  Status done = data::Execute(connection, sql);
  if (done.ok()) done = data::Execute(connection, "COMMIT");
  if (!done.ok()) (void)data::Execute(connection, "ROLLBACK");
  return done;
}

std::vector<estate::DataTest> TestsOf(const estate::Estate& estate,
                                      const estate::CheckTask& action) {
  std::vector<estate::DataTest> tests = action.tests;
  const auto model = estate.models.find(action.table.ToString());
  if (model != estate.models.end()) {
    tests.insert(tests.end(), model->second.tests.begin(), model->second.tests.end());
  }
  return tests;
}

std::vector<std::string> ToldBy(const estate::Estate& estate, const estate::CheckTask& action) {
  const auto model = estate.models.find(action.table.ToString());
  if (model != estate.models.end()) return model->second.key;
  for (const auto& [name, integration] : estate.integrations) {
    if (integration.destination.table == action.table) return integration.destination.key;
  }
  return {};
}

Status Judge(const std::vector<duck::TestOutcome>& outcomes, std::string& output) {
  nlohmann::json told = nlohmann::json::array();
  std::vector<std::string> failed;
  for (const duck::TestOutcome& outcome : outcomes) {
    told.push_back({{"test", outcome.name},
                    {"passed", outcome.passed},
                    {"failing_rows", outcome.failing_rows},
                    {"severity", NameOf(outcome.severity)}});
    const bool counts = !outcome.passed && outcome.severity == estate::Severity::kError;
    if (counts) failed.push_back(outcome.ToString());
  }
  output = nlohmann::json{{"tests", std::move(told)}}.dump();
  if (failed.empty()) return Done{};
  return Error(ErrorKind::kConversion, fmt::format("{}", fmt::join(failed, "; ")));
}

std::vector<std::string> RightAfter(const estate::Dag& dag, const std::string& task) {
  std::vector<std::string> names;
  for (const estate::Task& other : dag.tasks) {
    if (std::find(other.after.begin(), other.after.end(), task) != other.after.end()) {
      names.push_back(other.name);
    }
  }
  return names;
}

Result<std::vector<std::string>> Choose(duckdb_connection connection, const std::string& sql,
                                        const estate::Dag& dag, const std::string& task) {
  AFL_TRY(pipeline::ExpectOneSelect(connection, sql));
  AFL_ASSIGN(const auto rows, data::QueryCells(connection, sql));
  const std::vector<std::string> known = RightAfter(dag, task);
  std::vector<std::string> chosen;
  for (const std::vector<data::Cell>& row : rows) {
    if (!row.front().valid) continue;
    const std::string& name = row.front().text;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return Error(ErrorKind::kInvalidConfig,
                   fmt::format("the branch chose \"{}\", which does not come right after it; "
                               "expected {}{}",
                               name, fmt::join(known, ", "), DidYouMean(name, known)));
    }
    chosen.push_back(name);
  }
  return chosen;
}

}  // namespace

ThreadWork WorkOf(const TaskContext& context, const estate::Dag& dag,
                  const estate::SqlTask& action) {
  return ThreadWorkOf([&context, &dag, &action](const Attempt& attempt, const std::stop_token& stop,
                                                AttemptOutcome&) {
    const Status done = WithWarehouse(context, stop, [&](duckdb_connection connection) -> Status {
      AFL_ASSIGN(const auto values, ValuesOf(context, dag, attempt));
      AFL_ASSIGN(const std::string sql, pipeline::WarehouseSql(action.sql, values));
      for (const estate::TableAddress& table : action.writes) {
        AFL_TRY(data::Execute(connection, fmt::format("CREATE SCHEMA IF NOT EXISTS {}.{}",
                                                      QuoteIdentifier(table.project),
                                                      QuoteIdentifier(table.dataset))));
      }
      return RunStatements(connection, sql).Within([&] { return action.mark.ToString(); });
    });
    if (!done.ok()) return done;
    for (const estate::TableAddress& table : action.writes) context.on_updated(table);
    return done;
  });
}

ThreadWork WorkOf(const TaskContext& context, const estate::Dag& dag,
                  const estate::CheckTask& action) {
  return ThreadWorkOf([&context, &dag, &action](const Attempt& attempt, const std::stop_token& stop,
                                                AttemptOutcome& outcome) {
    return WithWarehouse(context, stop, [&](duckdb_connection connection) -> Status {
      AFL_ASSIGN(const auto values, ValuesOf(context, dag, attempt));
      AFL_ASSIGN(const auto outcomes,
                 duck::RunDataTests(connection, action.table, TestsOf(context.estate, action),
                                    {values, context.clock.Now(), ToldBy(context.estate, action)}));
      return Judge(outcomes, outcome.output);
    });
  });
}

ThreadWork WorkOf(const TaskContext& context, const estate::Dag& dag,
                  const estate::BranchTask& action, const std::string& task) {
  return ThreadWorkOf([&context, &dag, &action, task](const Attempt& attempt,
                                                      const std::stop_token& stop,
                                                      AttemptOutcome& outcome) {
    outcome.is_branch = true;
    return WithWarehouse(context, stop, [&](duckdb_connection connection) -> Status {
      AFL_ASSIGN(const auto values, ValuesOf(context, dag, attempt));
      AFL_ASSIGN(const std::string sql, pipeline::WarehouseSql(action.sql, values));
      AFL_ASSIGN(outcome.chosen,
                 Choose(connection, sql, dag, task).Within([&] { return action.mark.ToString(); }));
      outcome.output = nlohmann::json{{"chosen", outcome.chosen}}.dump();
      return Done{};
    });
  });
}

}  // namespace afluente::orchestrator
