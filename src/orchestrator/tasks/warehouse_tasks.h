// Tasks that ask the warehouse or write it in SQL.
#pragma once

#include "orchestrator/tasks/task_context.h"
#include "orchestrator/tasks/task_executor.h"

namespace afluente::orchestrator {

// Each makes the work of one task; it borrows the context, the DAG and the action.

/// Runs the statements in one transaction.
ThreadWork WorkOf(const TaskContext& context, const estate::Dag& dag,
                  const estate::SqlTask& action);

/// Runs the tests of the table's model and the task's own. One of severity error that fails fails
/// the task (kConversion); the output says how each ended.
ThreadWork WorkOf(const TaskContext& context, const estate::Dag& dag,
                  const estate::CheckTask& action);

/// Asks which tasks run. Errors: kInvalidConfig for a name that does not come right after it.
ThreadWork WorkOf(const TaskContext& context, const estate::Dag& dag,
                  const estate::BranchTask& action, const std::string& task);

}  // namespace afluente::orchestrator
