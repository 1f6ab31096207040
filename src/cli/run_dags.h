// DAGs that somebody runs now and waits for.
#pragma once

#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "cli/context.h"
#include "estate/estate.h"
#include "server/client.h"

namespace afluente::cli {

/// NAME=VALUE texts as a JSON object. kInvalidConfig for one of another form.
Result<std::string> ReadParameters(const std::vector<std::string>& params);

/// Triggers a job in the service and follows its run as RunDags does. Returns the run.
Result<nlohmann::json> RunThere(const GlobalFlags& flags, server::Client& service,
                                const std::string& job, const std::string& params,
                                const std::stop_token& stop);

/// Runs `dags` one after the other, each told `params`, and says how each task ends; in `service`,
/// or here when that is nullptr. `stop` cancels what runs. Returns the runs that ended, as in
/// server/job_documents.h. Errors: of the parts; a run that failed is none.
Result<nlohmann::json> RunDags(const GlobalFlags& flags, const estate::Estate& estate,
                               const std::vector<estate::Estate::Job>& dags,
                               const std::string& params, server::Client* service,
                               const std::stop_token& stop);

}  // namespace afluente::cli
