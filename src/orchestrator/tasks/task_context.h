// What the tasks of DAGs work with.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "estate/dag_values.h"
#include "estate/estate.h"
#include "orchestrator/run_integration.h"
#include "orchestrator/scheduler/executor.h"

namespace afluente::orchestrator {

/// Borrowed by the works that are made of it.
struct TaskContext {
  const estate::Estate& estate;
  Owner* owner = nullptr;  // nullptr: the works are never begun, as in a simulation.
  const Clock& clock;
  /// Hears of each warehouse table that a job has written; on other threads.
  std::function<void(const estate::TableAddress&)> on_updated;
};

/// The values of the templates of a DAG's texts in one attempt.
/// Errors: kInvalidConfig for parameters that do not fit the DAG (any more).
Result<estate::TemplateValues> ValuesOf(const TaskContext& context, const estate::Dag& dag,
                                        const Attempt& attempt);

/// `text` with its templates, and with what its ${env:NAME} and ${file:path} stand for. A value
/// that looks like a reference is none. Errors: of both; no error holds a secret.
Result<std::string> RenderPrivate(const TaskContext& context, const std::string& text,
                                  const estate::TemplateValues& values);

/// What every child process of a task finds in its environment: AFLUENTE_JOB, AFLUENTE_RUN,
/// AFLUENTE_TASK, and AFLUENTE_INTERVAL_START and AFLUENTE_INTERVAL_END as RFC 3339.
std::map<std::string, std::string> EnvironmentOf(const Attempt& attempt);

/// What a run was told, from its JSON. Errors: kInvalidConfig when that is no object of texts.
Result<std::map<std::string, std::string>> ParametersOf(const std::string& json);

/// What a run of `job` is told when somebody triggers it with `given`, as JSON: with the defaults
/// of a DAG's other parameters. Errors: of FillParameters; kInvalidConfig for parameters of a job
/// that has none.
Result<std::string> FilledParameters(const estate::Estate& estate, const std::string& job,
                                     const std::string& given);

}  // namespace afluente::orchestrator
