#include "orchestrator/tasks/move_tasks.h"

#include <utility>

namespace afluente::orchestrator {
namespace {

AttemptOutcome OutcomeOf(const TaskContext& context, Owner::Outcome done,
                         const std::optional<estate::TableAddress>& writes) {
  AttemptOutcome outcome;
  outcome.rows = done.run.rows;
  outcome.bytes = done.run.bytes;
  if (done.status.ok() && done.rows_written > 0 && writes) context.on_updated(*writes);
  outcome.status = std::move(done.status);
  return outcome;
}

}  // namespace

ThreadWork WorkOf(const TaskContext& context, const estate::Integration& integration) {
  return [&context, &integration](const Attempt&, const std::stop_token& stop) {
    pipeline::Progress progress;
    return OutcomeOf(context, context.owner->Work(integration, progress, stop),
                     integration.destination.table);
  };
}

ThreadWork WorkOf(const TaskContext& context, const estate::Model& model) {
  return [&context, &model](const Attempt& attempt, const std::stop_token& stop) {
    pipeline::Progress progress;
    std::optional<estate::Interval> only;
    if (attempt.trigger == kBackfillTrigger) {
      only = {FormatRfc3339(attempt.interval_start), FormatRfc3339(attempt.nominal)};
    }
    return OutcomeOf(context, context.owner->Work(model, progress, stop, only), model.table);
  };
}

}  // namespace afluente::orchestrator
