#include "orchestrator/kill_point.h"

#include <csignal>
#include <cstdlib>
#include <string>

namespace afluente::orchestrator {

std::function<void(const char*)> KillPointOfEnvironment() {
  const char* wanted = std::getenv("AFLUENTE_KILL_AT");
  if (wanted == nullptr) return [](const char*) {};
  const std::string text = wanted;
  const std::size_t colon = text.find(':');
  const int times = colon == std::string::npos ? 1 : std::atoi(text.c_str() + colon + 1);
  return [step = text.substr(0, colon), left = times](const char* reached) mutable {
    if (step == reached && --left == 0) (void)std::raise(SIGKILL);
  };
}

}  // namespace afluente::orchestrator
