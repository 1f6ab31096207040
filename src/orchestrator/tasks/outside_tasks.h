// Tasks that reach outside: commands, requests, and waiting for something to be there.
#pragma once

#include "orchestrator/tasks/task_context.h"
#include "orchestrator/tasks/task_executor.h"

namespace afluente::orchestrator {

// Each makes the work of one task; it borrows the context, the DAG and the action.

/// The process finds what its run is about in AFLUENTE_JOB, AFLUENTE_RUN, AFLUENTE_TASK,
/// AFLUENTE_INTERVAL_START and AFLUENTE_INTERVAL_END (RFC 3339) and AFLUENTE_PARAMS (JSON), and
/// may leave a JSON document for others as result.json in the folder AFLUENTE_ATTEMPT.
ProcessWork WorkOf(const TaskContext& context, const estate::Dag& dag,
                   const estate::CommandTask& action);

/// Errors: of the request; by KindOfStatus for a status that is not expected.
ThreadWork WorkOf(const TaskContext& context, const estate::Dag& dag,
                  const estate::HttpTask& action);

/// Looks once; what is not there yet is asked for again after `every`.
ThreadWork WorkOf(const TaskContext& context, const estate::Dag& dag,
                  const estate::SensorTask& action);

}  // namespace afluente::orchestrator
