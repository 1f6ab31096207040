#include "orchestrator/estate_jobs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <type_traits>

#include "connectors/inbox/source.h"
#include "orchestrator/dag_jobs.h"
#include "orchestrator/schedule/schedule.h"
#include "orchestrator/tasks/move_tasks.h"

namespace afluente::orchestrator {
namespace {

bool RunsAndEnds(const estate::Integration& integration) {
  return integration.mode != estate::Mode::kCdc && !inbox::ReadsInbox(integration);
}

std::string TextOf(const std::vector<estate::ScheduleSpec>& specs) {
  std::string text;
  for (const estate::ScheduleSpec& spec : specs) {
    text += fmt::format("{} in {} except {}; ", spec.ToString(), spec.zone,
                        fmt::join(spec.except, ", "));
  }
  return text;
}

// What integrations, models and DAGs have in common.
template <class T>
Result<JobSpec> SpecOf(const T& job, const std::string& mode, const estate::Estate& estate) {
  JobSpec spec;
  spec.name = job.name;
  spec.mode = mode;
  spec.policy = job.runs;
  const estate::Trigger& trigger = job.trigger;
  spec.schedule_text = TextOf(trigger.schedules);
  // What triggers integrations has a place of its own: triggers.h.
  const bool is_integration = std::is_same_v<T, estate::Integration>;
  if (!is_integration && trigger.kind == estate::Trigger::Kind::kAsset) {
    spec.on_asset = trigger.subject;
  }
  if (trigger.schedules.empty()) return spec;
  AFL_ASSIGN(auto made, schedule::Schedule::Make(job.name, trigger.schedules, estate));
  const auto fires = std::make_shared<const schedule::Schedule>(std::move(made));
  spec.next_fire = [fires](WallTime after) -> std::optional<FireTime> {
    const auto fire = fires->Next(after);
    if (!fire) return std::nullopt;
    return FireTime{fire->nominal, fire->at, fires->IntervalOf(fire->nominal).begin};
  };
  return spec;
}

std::string TableOf(const estate::Integration& integration) {
  const auto& table = integration.destination.table;
  return table ? table->ToString() : "";
}
std::string TableOf(const estate::Model& model) { return model.table.ToString(); }

// A job of one task, which has the job's name.
template <class T>
Status AddOne(const TaskContext& context, const T& job, const std::string& mode,
              const std::string& kind, EstateJobs& jobs) {
  AFL_ASSIGN(JobSpec spec, SpecOf(job, mode, context.estate));
  TaskSpec& task = spec.tasks.emplace_back(TaskOf(job.name, kind, job.policy));
  task.writes = TableOf(job);
  jobs.works[{job.name, job.name}] = WorkOf(context, job);
  jobs.specs.push_back(std::move(spec));
  return Done{};
}

Status AddDag(const TaskContext& context, const estate::Dag& dag, const pipeline::ModelGraph& graph,
              EstateJobs& jobs) {
  AFL_ASSIGN(JobSpec spec, SpecOf(dag, "dag", context.estate));
  for (TaskPiece& piece : PiecesOf(context, dag, graph)) {
    if (!piece.spec.child) jobs.works[{dag.name, piece.spec.name}] = std::move(piece.work);
    spec.tasks.push_back(std::move(piece.spec));
  }
  jobs.specs.push_back(std::move(spec));
  return Done{};
}

}  // namespace

Result<EstateJobs> JobsOf(const TaskContext& context, const std::set<std::string>* only) {
  const estate::Estate& estate = context.estate;
  const auto is_wanted = [&](const std::string& name) {
    return only == nullptr || only->contains(name);
  };
  EstateJobs jobs;
  for (const auto& [name, integration] : estate.integrations) {
    if (!RunsAndEnds(integration) || !is_wanted(name)) continue;
    AFL_TRY(
        AddOne(context, integration, std::string(NameOf(integration.mode)), "integration", jobs));
  }
  for (const auto& [address, model] : estate.models) {
    if (is_wanted(model.name)) AFL_TRY(AddOne(context, model, "model", "model", jobs));
  }
  pipeline::ModelGraph graph;
  if (NeedsModelGraph(estate)) {
    AFL_ASSIGN(graph, pipeline::ReadModelGraph(estate));
  }
  for (const auto& [name, dag] : estate.dags) {
    if (is_wanted(name)) AFL_TRY(AddDag(context, dag, graph, jobs));
  }
  return jobs;
}

}  // namespace afluente::orchestrator
