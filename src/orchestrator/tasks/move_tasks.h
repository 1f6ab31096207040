// Integrations and models as the work of tasks.
#pragma once

#include "orchestrator/tasks/task_context.h"
#include "orchestrator/tasks/task_executor.h"

namespace afluente::orchestrator {

// Each makes work that borrows the context and the job; who watches its table hears of what it
// wrote.

ThreadWork WorkOf(const TaskContext& context, const estate::Integration& integration);
ThreadWork WorkOf(const TaskContext& context, const estate::Model& model);

}  // namespace afluente::orchestrator
