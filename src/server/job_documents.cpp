#include "server/job_documents.h"

namespace afluente::server {
namespace {

using nlohmann::json;

json Time(WallTime time) { return time == WallTime() ? json() : json(FormatRfc3339(time)); }
// What a task left for others; a command may have left anything.
json Output(const std::string& text) {
  if (text.empty()) return {};
  json output = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return output.is_discarded() ? json(text) : output;
}
json Text(const std::string& text) { return text.empty() ? json() : json(text); }

}  // namespace

json ToJson(const orchestrator::TaskRow& task) {
  return {{"task", task.task},
          {"state", NameOf(task.state)},
          {"attempt", task.attempt},
          {"started_at", Time(task.started)},
          {"ended_at", Time(task.ended)},
          {"due_at", task.state == orchestrator::TaskState::kRetrying ? Time(task.due) : json()},
          {"seconds", task.seconds},
          {"rows", task.rows},
          {"bytes", task.bytes},
          {"error", Text(task.error)},
          {"output", Output(task.output)}};
}

json ToJson(const orchestrator::BackfillPlan& plan) {
  json runs = json::array();
  for (const orchestrator::FireTime& run : plan.runs) {
    runs.push_back({{"interval_start", Time(run.interval_start)}, {"nominal", Time(run.nominal)}});
  }
  return {{"job", plan.job},
          {"runs", std::move(runs)},
          {"left_out", plan.left_out},
          {"estimated_seconds", plan.seconds ? json(*plan.seconds) : json()}};
}

json ToJson(const orchestrator::JobRun& run) {
  json tasks = json::array();
  for (const orchestrator::TaskRow& task : run.tasks) tasks.push_back(ToJson(task));
  return {{"run_id", run.id},
          {"job", run.job},
          {"mode", run.mode},
          {"trigger", run.trigger},
          {"state", NameOf(run.state)},
          {"nominal", Time(run.nominal)},
          {"interval_start", Time(run.interval_start)},
          {"created_at", Time(run.created)},
          {"started_at", Time(run.started)},
          {"ended_at", Time(run.ended)},
          {"error", Text(run.error)},
          {"tasks", std::move(tasks)}};
}

}  // namespace afluente::server
