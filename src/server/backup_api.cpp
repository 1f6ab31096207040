#include "server/backup_api.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "orchestrator/backup/backup.h"
#include "server/answer.h"
#include "server/documents.h"

namespace afluente::server {
namespace {

using nlohmann::json;

void Backup(Service& service, const std::string& folder, const Emit& emit,
            const std::stop_token& stop) {
  const auto taken =
      orchestrator::TakeBackup(service.owner(), service.estate(), folder, SystemClock(), stop);
  if (!taken.ok()) return emit({{"error", ToJson(taken.error())}});
  spdlog::info("backed up to {}: {} tables, {} rows, {} bytes", folder, taken.value().tables(),
               taken.value().rows(), taken.value().bytes());
  emit({{"backup", orchestrator::ToJson(taken.value())}});
}

}  // namespace

void AddBackupRoutes(UnixServer& http, Service& service) {
  http.Post(
      "/api/backup", [&service](const httplib::Request& request, httplib::Response& response) {
        const auto body = ReadBody(request, R"({"folder": "/absolute/path"})");
        if (!body.ok()) return Answer(response, body.error());
        const std::string folder = body.value().value("folder", "");
        if (!folder.starts_with('/')) {
          return Answer(response, Error(ErrorKind::kInvalidConfig,
                                        fmt::format("folder \"{}\" is not absolute", folder)));
        }
        AnswerInLines(
            response, service.stop(),
            [&service, folder](const Emit& emit, const std::stop_token& stop) {
              Backup(service, folder, emit, stop);
            },
            [] { return json{{"progress", nullptr}}; });
      });
}

}  // namespace afluente::server
