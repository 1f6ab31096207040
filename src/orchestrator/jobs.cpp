#include "orchestrator/jobs.h"

#include <algorithm>
#include <optional>

namespace afluente::orchestrator {
namespace {

std::optional<estate::TableAddress> WrittenBy(const Estate::Job& job) {
  return job.model != nullptr ? job.model->table : job.integration->destination.table;
}

bool Needs(const Estate::Job& job, const Estate::Job& other, const pipeline::ModelGraph& graph) {
  const auto table = WrittenBy(other);
  if (job.model == nullptr) return table && job.integration->source.warehouse_table == table;
  const auto& after = job.model->after;
  if (std::find(after.begin(), after.end(), NameOf(other)) != after.end()) return true;
  const auto reads = graph.reads.find(job.model->table.ToString());
  return table && reads != graph.reads.end() && reads->second.contains(*table);
}

}  // namespace

std::vector<Estate::Job> AllJobs(const Estate& estate) {
  std::vector<Estate::Job> jobs;
  for (const auto& [name, integration] : estate.integrations) {
    jobs.push_back({.integration = &integration});
  }
  for (const auto& [address, model] : estate.models) jobs.push_back({.model = &model});
  for (const auto& [name, dag] : estate.dags) jobs.push_back({.dag = &dag});
  return jobs;
}

const std::string& NameOf(const Estate::Job& job) {
  if (job.dag != nullptr) return job.dag->name;
  return job.model != nullptr ? job.model->name : job.integration->name;
}

const estate::Trigger& TriggerOf(const Estate::Job& job) {
  if (job.dag != nullptr) return job.dag->trigger;
  return job.model != nullptr ? job.model->trigger : job.integration->trigger;
}

std::vector<Estate::Job> InOrder(std::vector<Estate::Job> jobs, const pipeline::ModelGraph& graph) {
  std::vector<Estate::Job> ordered;
  while (!jobs.empty()) {
    const auto is_ready = [&](const Estate::Job& job) {
      return std::none_of(jobs.begin(), jobs.end(), [&](const Estate::Job& other) {
        return NameOf(other) != NameOf(job) && Needs(job, other, graph);
      });
    };
    auto next = std::find_if(jobs.begin(), jobs.end(), is_ready);
    if (next == jobs.end()) next = jobs.begin();
    ordered.push_back(*next);
    jobs.erase(next);
  }
  return ordered;
}

}  // namespace afluente::orchestrator
