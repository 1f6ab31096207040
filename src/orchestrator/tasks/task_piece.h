// What a task of the estate becomes for the scheduler: one piece, or several that follow each
// other.
#pragma once

#include "orchestrator/scheduler/job.h"
#include "orchestrator/tasks/task_executor.h"

namespace afluente::orchestrator {

/// The last piece of a task has the task's name, so that others wait for all of them; the ones
/// before are named TASK.PIECE.
struct TaskPiece {
  TaskSpec spec;
  TaskWork work;
};

}  // namespace afluente::orchestrator
