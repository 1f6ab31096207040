#include "cli/run_json.h"

namespace afluente::cli {

nlohmann::json ToJson(const orchestrator::RunRecord& run) {
  nlohmann::json json = {{"integration", run.job},
                         {"run_id", run.id},
                         {"mode", run.mode},
                         {"state", NameOf(run.state)},
                         {"started_at", run.started_at},
                         {"ended_at", run.ended_at},
                         {"rows", run.rows},
                         {"bytes", run.bytes},
                         {"seconds", run.seconds},
                         {"error", nullptr}};
  if (!run.error.empty()) json["error"] = {{"kind", run.error_kind}, {"message", run.error}};
  return json;
}

}  // namespace afluente::cli
