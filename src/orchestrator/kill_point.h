// Where tests end the process.
#pragma once

#include <functional>

namespace afluente::orchestrator {

/// Called at each named step. It kills the process at the one that AFLUENTE_KILL_AT
/// names: "task_leased", or "task_leased:3" for its third time. Without that it does
/// nothing.
std::function<void(const char*)> KillPointOfEnvironment();

}  // namespace afluente::orchestrator
