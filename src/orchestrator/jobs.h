// Integrations and models as jobs that wait for each other's tables.
#pragma once

#include <string>
#include <vector>

#include "estate/estate.h"
#include "pipeline/model_graph.h"

namespace afluente::orchestrator {

using estate::Estate;

/// Every integration, model and DAG.
std::vector<Estate::Job> AllJobs(const Estate& estate);

/// The name of a job.
const std::string& NameOf(const Estate::Job& job);

const estate::Trigger& TriggerOf(const Estate::Job& job);

/// What writes a warehouse table stands before what reads it from there, and what a model names
/// under `after` before the model; apart from that as given. DAGs are not among them. Integrations
/// that read each other in a circle stand in any order; models cannot, their graph says so.
std::vector<Estate::Job> InOrder(std::vector<Estate::Job> jobs, const pipeline::ModelGraph& graph);

}  // namespace afluente::orchestrator
