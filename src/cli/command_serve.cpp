#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/signals.h"
#include "orchestrator/state_folder.h"
#include "orchestrator/tasks/prune_attempts.h"
#include "server/api.h"
#include "server/service.h"
#include "server/shadow_api.h"

namespace afluente::cli {
namespace {

// Reading an estate takes much memory for a moment, and by itself glibc would keep it for as long
// as the process lives: it raises the size of what it keeps in each arena with every large block
// that is freed. While the estate is read, little is kept; afterwards, as much as glibc would come
// to keep, for who moves rows frees and takes all the time. Both limits are set: one alone would
// make each block above 128 KiB a mapping of its own.
void KeepFreeMemory(int bytes) {
  mallopt(M_TRIM_THRESHOLD, bytes);
  mallopt(M_MMAP_THRESHOLD, 32 << 20U);
}

Result<int> Serve(const GlobalFlags& flags, const std::string& listen) {
  const StopOnSignal stop;
  KeepFreeMemory(4 << 20U);
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const auto paths, orchestrator::PathsOf(estate, flags.state));
  AFL_ASSIGN(const auto service,
             server::Service::Open(estate, flags.state, listen, SystemClock(), stop.token()));
  const orchestrator::AttemptPruner pruner(orchestrator::AttemptsFolder(service->owner().paths()),
                                           service->owner().runs(), SystemClock());
  AFL_ASSIGN(const auto shadows,
             orchestrator::ShadowWatch::Open(estate, service->owner(), SystemClock()));
  server::UnixServer http;
  server::AddRoutes(http, *service);
  server::AddShadowRoutes(http, *service, *shadows);
  malloc_trim(0);  // What lay between the files' trees.
  KeepFreeMemory(64 << 20U);
  AFL_TRY(http.Bind(server::SocketOf(paths.root)));
  std::jthread answering([&http] { http.listen_after_bind(); });
  spdlog::info("serving {}; API at {}", estate.name, server::SocketOf(paths.root).string());
  if (service->inbox() != nullptr) {
    spdlog::info("inbox at http://{}", service->inbox()->address());
  }
  if (service->publish_door() != nullptr) {
    spdlog::info("Pub/Sub's publishers at {}: PUBSUB_EMULATOR_HOST for them",
                 service->publish_door()->address());
  }
  stop.Wait();
  spdlog::info("stopping: what was begun is committed first");
  http.stop();
  std::error_code ignored;
  std::filesystem::remove(server::SocketOf(paths.root), ignored);
  return kOk;
}

}  // namespace

void AddServeCommand(const CommandContext& context) {
  auto listen = std::make_shared<std::string>();
  CLI::App* command = AddCommand(
      context, "serve", "Follow everything that is continuous, until stopped",
      "  afluente serve\n"
      "Holds the state folder. Other commands (query, tables, lag, pause, ...) then ask this\n"
      "process through a socket in that folder. SIGTERM or Ctrl-C stops it: what was begun\n"
      "is committed, the rest comes again next time. Webhooks and messages of topics arrive by\n"
      "HTTP at inbox.listen of estate.yaml.",
      [&flags = context.flags, listen] { return Serve(flags, *listen); });
  command->add_option("--listen", *listen,
                      "HOST:PORT of the inbox instead of the estate's; port 0: any that is free");
}

}  // namespace afluente::cli
