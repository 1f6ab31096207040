// The jobs of an estate, as the scheduler knows them.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"
#include "estate/estate.h"
#include "orchestrator/run_integration.h"
#include "orchestrator/scheduler/job.h"
#include "orchestrator/tasks/task_executor.h"

namespace afluente::orchestrator {

/// Every model, and every integration that runs and ends: all but those that follow
/// a database or what arrives in the inbox. One without a schedule is a job too: a
/// person may trigger it. Errors: of Schedule::Make.
Result<std::vector<JobSpec>> SpecsOf(const estate::Estate& estate);

struct EstateJobs {
  std::vector<JobSpec> specs;
  TaskExecutor::Works works;
};

/// The jobs of SpecsOf, and how each of their tasks is done. Borrows the estate and
/// the owner. `on_updated` hears of each warehouse table that a job has written; on
/// other threads. Errors: those of SpecsOf.
Result<EstateJobs> JobsOf(const estate::Estate& estate, Owner& owner,
                          std::function<void(const estate::TableAddress&)> on_updated);

}  // namespace afluente::orchestrator
