#include "orchestrator/tasks/pieces.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <utility>

#include "base/names.h"
#include "pipeline/model_graph.h"

namespace afluente::orchestrator {

std::string PieceName(const estate::Task& task, const std::string& piece) {
  return piece.empty() ? task.name : task.name + "." + piece;
}

TaskSpec SpecOfPiece(const estate::Task& task, const std::string& kind, const std::string& piece) {
  return TaskOf(PieceName(task, piece), kind, task.policy);
}

ThreadWork ThreadWorkOf(
    std::function<Status(const Attempt&, const std::stop_token&, AttemptOutcome&)> work) {
  return [work = std::move(work)](const Attempt& attempt, const std::stop_token& stop) {
    AttemptOutcome outcome;
    outcome.status = work(attempt, stop, outcome);
    return outcome;
  };
}

Result<std::vector<duck::TableColumn>> ColumnsOf(duckdb_connection connection,
                                                 const estate::TableAddress& table) {
  AFL_ASSIGN(auto columns, duck::ReadColumns(connection, table));
  if (!columns.empty()) return columns;
  return Error(ErrorKind::kNotFound,
               fmt::format("the warehouse has no table {}: the job that makes it goes before this "
                           "task",
                           table.ToString()));
}

const duck::TableColumn* FindColumn(const std::vector<duck::TableColumn>& columns,
                                    const std::string& name) {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& column) {
    return strcasecmp(column.name.c_str(), name.c_str()) == 0;
  });
  return found == columns.end() ? nullptr : &*found;
}

Status CheckColumns(const std::string& what, const std::vector<std::string>& names,
                    const estate::TableAddress& table,
                    const std::vector<duck::TableColumn>& columns) {
  for (const std::string& name : names) {
    if (FindColumn(columns, name) != nullptr) continue;
    std::vector<std::string> known;
    for (const duck::TableColumn& column : columns) known.push_back(column.name);
    return Error(ErrorKind::kNotFound,
                 fmt::format("{}: {} has no column {}{}", what, table.ToString(), name,
                             DidYouMean(name, known)));
  }
  return Done{};
}

std::string QuotedList(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + QuoteIdentifier(name);
  return list;
}

// Each value behind its length: 'a' and 'bc' are not 'ab' and 'c'.
std::string KeyText(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    const std::string value = fmt::format("CAST({} AS VARCHAR)", QuoteIdentifier(name));
    text += fmt::format("{0}coalesce(length({1}) || ':' || {1}, '-')", text.empty() ? "" : " || ",
                        value);
  }
  return "(" + text + ")";
}

Result<std::string> Condition(const std::string& where, const estate::TemplateValues& values) {
  if (where.empty()) return std::string("true");
  AFL_ASSIGN(const std::string sql, pipeline::WarehouseSql(where, values));
  return "(" + sql + "\n)";
}

std::string RunWord(const Attempt& attempt) {
  std::string word;
  // "2026-01-05T04:00:00.000000+00:00"
  const std::string time = FormatRfc3339(attempt.nominal);
  for (const char c : time.substr(0, time.find('+'))) {
    if (c != '-' && c != ':' && c != '.') word += c;
  }
  if (word.ends_with("000000")) word.resize(word.size() - 6);
  word += "Z-" + attempt.trigger;
  std::replace(word.begin(), word.end(), '/', '_');
  return word;
}

}  // namespace afluente::orchestrator
