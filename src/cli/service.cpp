#include "cli/service.h"

#include <fmt/format.h>

namespace afluente::cli {

Result<std::unique_ptr<server::Client>> FindService(const GlobalFlags& flags) {
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, flags.state));
  auto client = server::Client::Find(paths.root);
  if (client != nullptr) return client;
  return Error(
      ErrorKind::kTransient,
      fmt::format("no service runs on {}; start one with `afluente serve`", paths.root.string()));
}

}  // namespace afluente::cli
