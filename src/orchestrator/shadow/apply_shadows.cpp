#include "orchestrator/shadow/apply_shadows.h"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/run_store.h"
#include "orchestrator/shadow/cutover.h"
#include "orchestrator/state_folder.h"

namespace afluente::orchestrator {

std::map<std::string, estate::Shadow> ShadowsOf(const estate::Estate& estate) {
  std::map<std::string, estate::Shadow> shadows;
  for (const auto& [name, integration] : estate.integrations) {
    if (integration.shadow) shadows.emplace(name, *integration.shadow);
  }
  return shadows;
}

Result<std::map<std::string, ShadowState>> StatesOf(
    const std::map<std::string, estate::Shadow>& shadows, ShadowStore& store) {
  AFL_ASSIGN(const auto known, store.States());
  std::map<std::string, ShadowState> states;
  for (const auto& [name, shadow] : shadows) {
    const auto found = known.find(name);
    states[name] = found == known.end() ? ShadowState::kShadow : found->second;
  }
  return states;
}

std::string OtherWriter(const estate::Estate& estate, const std::string& integration,
                        const estate::TableAddress& table) {
  for (const auto& [name, other] : estate.integrations) {
    if (name != integration && other.destination.table == table) return name;
  }
  for (const auto& [name, dag] : estate.dags) {
    for (const estate::Task& task : dag.tasks) {
      const auto* predict = std::get_if<estate::PredictTask>(&task.action);
      if (predict != nullptr && predict->into == table) return name;
      const auto* sql = std::get_if<estate::SqlTask>(&task.action);
      if (sql == nullptr) continue;
      const auto& writes = sql->writes;
      if (std::find(writes.begin(), writes.end(), table) != writes.end()) return name;
    }
  }
  const auto model = estate.models.find(table.ToString());
  return model == estate.models.end() ? "" : model->second.name;
}

Status ApplyShadows(estate::Estate& estate, const std::filesystem::path& state_root) {
  const auto shadows = ShadowsOf(estate);
  if (shadows.empty()) return Done{};
  AFL_ASSIGN(const StatePaths paths, PathsOf(estate, state_root));
  std::map<std::string, ShadowState> states;
  for (const auto& [name, shadow] : shadows) states[name] = ShadowState::kShadow;
  std::error_code error;
  if (std::filesystem::exists(paths.run_store, error)) {
    AFL_ASSIGN(const auto runs, RunStore::Open(paths.run_store));
    ShadowStore store(runs->file());
    AFL_ASSIGN(states, StatesOf(shadows, store));
    const bool was_cut_off = std::any_of(states.begin(), states.end(), [](const auto& entry) {
      return entry.second == ShadowState::kCuttingOver || entry.second == ShadowState::kRollingBack;
    });
    if (was_cut_off) {
      AFL_TRY(SettleCutovers(paths, shadows, store));
      AFL_ASSIGN(states, StatesOf(shadows, store));
    }
  }
  for (const auto& [name, shadow] : shadows) {
    if (states[name] == ShadowState::kShadow) {
      estate.integrations.at(name).destination.table = shadow.shadow;
    }
  }
  for (const auto& [name, shadow] : shadows) {
    if (states[name] != ShadowState::kLive) continue;
    const std::string other = OtherWriter(estate, name, shadow.live);
    if (other.empty()) continue;
    return Error(
        ErrorKind::kInvalidConfig,
        fmt::format("{}: {} has taken over {} with the cut-over, and {} writes it, too: "
                    "take {} out of the estate, or `afluente rollback {}`",
                    shadow.mark.ToString(), name, shadow.live.ToString(), other, other, name));
  }
  return Done{};
}

}  // namespace afluente::orchestrator
