// The jobs of an estate, as the scheduler knows them.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "orchestrator/scheduler/job.h"
#include "orchestrator/tasks/task_context.h"
#include "orchestrator/tasks/task_executor.h"

namespace afluente::orchestrator {

struct EstateJobs {
  std::vector<JobSpec> specs;
  TaskExecutor::Works works;
};

/// Every DAG, every model, and every integration that runs and ends: all but those that follow
/// a database or what arrives in the inbox. One without a schedule is a job too: a
/// person may trigger it. Borrows the context, which must have an owner once a work begins.
/// Errors: of Schedule::Make and of the models' SQL.
/// `only`: no others than these; nullptr: all.
Result<EstateJobs> JobsOf(const TaskContext& context, const std::set<std::string>* only = nullptr);

}  // namespace afluente::orchestrator
