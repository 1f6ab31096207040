// What the makers of pieces share.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "connectors/duckdb/evolution.h"
#include "data/duckdb_api.h"
#include "orchestrator/tasks/learning.h"

namespace afluente::orchestrator {

/// A piece of `task`: its last one for piece "", else TASK.PIECE. It has the task's policy.
TaskSpec SpecOfPiece(const estate::Task& task, const std::string& kind, const std::string& piece);
/// The name of a piece.
std::string PieceName(const estate::Task& task, const std::string& piece);

/// Thread work that may fail.
ThreadWork ThreadWorkOf(
    std::function<Status(const Attempt&, const std::stop_token&, AttemptOutcome&)>);

/// The columns of a table. Errors: kNotFound, with the cure, when the warehouse has it not.
Result<std::vector<duck::TableColumn>> ColumnsOf(duckdb_connection connection,
                                                 const estate::TableAddress& table);
/// The one called `name`, whatever its case.
const duck::TableColumn* FindColumn(const std::vector<duck::TableColumn>& columns,
                                    const std::string& name);
/// Errors: kNotFound with the nearest name, for a column of `names` that is not there.
/// `what`: the key that names them.
Status CheckColumns(const std::string& what, const std::vector<std::string>& names,
                    const estate::TableAddress& table,
                    const std::vector<duck::TableColumn>& columns);

/// `"a", "b"`.
std::string QuotedList(const std::vector<std::string>& names);
/// A text of the columns that is another one whenever the values are.
std::string KeyText(const std::vector<std::string>& names);

/// `where` as a condition in SQL, templates resolved; "true" when it is empty.
Result<std::string> Condition(const std::string& where, const estate::TemplateValues& values);

/// "20260105T040000Z-schedule": what names of files say of a run. No two runs of a job share it.
std::string RunWord(const Attempt& attempt);

}  // namespace afluente::orchestrator
