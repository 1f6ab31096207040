#include "server/shadow_api.h"

#include <sstream>

#include "server/answer.h"
#include "server/documents.h"

namespace afluente::server {

using nlohmann::json;

json ToJson(const orchestrator::ShadowComparison& comparison) {
  json document = {{"integration", comparison.integration},
                   {"compared_at", FormatRfc3339(comparison.compared_at)},
                   {"day", comparison.day},
                   {"old_rows", comparison.old_rows},
                   {"new_rows", comparison.new_rows},
                   {"differences", comparison.differences},
                   {"notes", json::array()},
                   {"error", nullptr}};
  std::istringstream notes(comparison.notes);
  for (std::string line; std::getline(notes, line);) document["notes"].push_back(line);
  if (!comparison.error.empty()) document["error"] = comparison.error;
  return document;
}

void AddShadowRoutes(UnixServer& http, Service& service, orchestrator::ShadowWatch& watch) {
  http.Post("/api/shadow/compare",
            [&service, &watch](const httplib::Request& request, httplib::Response& response) {
              const auto body = ReadBody(request, R"({"integration": "NAME"})");
              if (!body.ok()) return Answer(response, body.error());
              AnswerInLines(
                  response, service.stop(),
                  [&watch, name = body.value().value("integration", "")](
                      const Emit& emit, const std::stop_token& stop) {
                    const auto compared = watch.Compare(name, stop);
                    emit(compared.ok() ? json{{"comparison", ToJson(compared.value())}}
                                       : json{{"error", ToJson(compared.error())}});
                  },
                  [] { return json{{"progress", nullptr}}; });
            });
}

}  // namespace afluente::server
