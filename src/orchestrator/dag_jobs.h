// The tasks of a DAG as the scheduler knows them, and who does each.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "orchestrator/tasks/task_context.h"
#include "orchestrator/tasks/task_piece.h"
#include "pipeline/model_graph.h"

namespace afluente::orchestrator {

/// What `dag`'s tasks become, each with all that it waits for: what the DAG says, and the tasks of
/// the DAG that write a table which it reads, unless those wait for it.
/// Borrows the context and the DAG. `graph`: what models read.
std::vector<TaskPiece> PiecesOf(const TaskContext& context, const estate::Dag& dag,
                                const pipeline::ModelGraph& graph);

/// The tasks of `dag` that `task` waits for, in the order of the DAG: declared ones, and those that
/// follow from what the tasks read and write.
std::vector<std::string> TasksBefore(const estate::Estate& estate, const estate::Dag& dag,
                                     const estate::Task& task, const pipeline::ModelGraph& graph);

/// DAGs whose tasks wait for each other in a circle through what they read and write. Speaks only
/// of an estate without findings of its own.
std::vector<estate::Finding> CheckDags(const estate::Estate& estate,
                                       const pipeline::ModelGraph& graph);

/// Does a DAG of `estate` have a task whose order follows from what models read?
bool NeedsModelGraph(const estate::Estate& estate);

}  // namespace afluente::orchestrator
