#include "server/inbox_server.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "estate/secrets.h"
#include "orchestrator/inbox/read_message.h"
#include "server/documents.h"

namespace afluente::server {
namespace {

using httplib::Request;
using httplib::Response;
using nlohmann::json;

void Say(Response& response, int status, const json& document) {
  response.status = status;
  response.set_content(Dump(document) + "\n", "application/json");
}

void Refuse(Response& response, int status, const std::string& why) {
  Say(response, status, {{"error", why}});
}

enum class BodyState : std::uint8_t { kWhole, kTooLarge, kBroken };

// What is too large is read on for a while: a sender that is still sending would
// see a broken connection instead of the answer.
BodyState ReceiveBody(const httplib::ContentReader& read, std::string& body) {
  constexpr std::size_t kReadMax = 8 * InboxServer::kBodyBytesMax;
  std::size_t size = 0;
  const bool is_whole = read([&](const char* bytes, std::size_t count) {
    size += count;
    if (size <= InboxServer::kBodyBytesMax) body.append(bytes, count);
    return size <= kReadMax;
  });
  if (size > InboxServer::kBodyBytesMax) return BodyState::kTooLarge;
  return is_whole ? BodyState::kWhole : BodyState::kBroken;
}

Result<SigningSecrets> SecretsOf(const orchestrator::InboxEndpoint& endpoint,
                                 const std::string& folder) {
  AFL_ASSIGN(const std::string text, estate::ResolveSecrets(endpoint.secret, folder));
  return SigningSecrets::Parse(text);
}

}  // namespace

Result<std::unique_ptr<InboxServer>> InboxServer::Open(const estate::Estate& estate,
                                                       const std::string& listen,
                                                       orchestrator::Inbox& inbox,
                                                       const Clock& clock) {
  std::unique_ptr<InboxServer> server(new InboxServer(inbox, clock));
  for (const auto& [path, endpoint] : orchestrator::EndpointsOf(estate)) {
    if (!endpoint.subscription.empty()) continue;  // It is pulled.
    AFL_ASSIGN(auto secrets, SecretsOf(endpoint, estate.folder).Within([&, &at = endpoint] {
      return fmt::format("{}: {}", at.mark.ToString(), at.feed);
    }));
    server->places_.emplace(path, Place{endpoint, std::move(secrets)});
  }
  if (server->places_.empty()) return std::unique_ptr<InboxServer>();
  const std::string& wanted = listen.empty() ? estate.inbox.listen : listen;
  AFL_ASSIGN(const auto address,
             estate::ParseListen(wanted).Within([&] { return "inbox: listen " + wanted; }));
  AFL_ASSIGN(server->address_, server->http_.Bind(address.host, address.port).Within([&] {
    return "inbox: listen " + wanted;
  }));
  server->AddRoutes();
  server->answering_ = std::jthread([http = &server->http_] { http->AnswerAfterBind(); });
  return server;
}

InboxServer::~InboxServer() {
  if (answering_.joinable()) http_.StopAnswering();
}

void InboxServer::AddRoutes() {
  http_.Get("/health",
            [](const Request&, Response& response) { Say(response, 200, {{"healthy", true}}); });
  // Before any body is read.
  http_.set_pre_routing_handler([this](const Request& request, Response& response) {
    using Handled = httplib::Server::HandlerResponse;
    if (request.method == "GET" && request.path == "/health") return Handled::Unhandled;
    if (!places_.contains(request.path)) {
      Refuse(response, 404, "nothing is expected at this path");
    } else if (request.method != "POST") {
      response.set_header("Allow", "POST");
      Refuse(response, 405, "messages are posted");
    } else if (request.has_header("Content-Encoding")) {
      Refuse(response, 415, "send the body as it is signed, without Content-Encoding");
    } else {
      return Handled::Unhandled;
    }
    return Handled::Handled;
  });
  http_.Post("/.*", [this](const Request& request, Response& response,
                           const httplib::ContentReader& read) {
    std::string body;
    switch (ReceiveBody(read, body)) {
      case BodyState::kWhole:
        return Answer(places_.at(request.path), request, std::move(body), response);
      case BodyState::kTooLarge:
        return Refuse(response, 413, "the body is larger than 1 MiB");
      case BodyState::kBroken:
        if (response.status == -1) response.status = 400;
        return;
    }
  });
  http_.set_error_handler([](const Request&, Response& response) {
    if (!response.body.empty()) return;
    Refuse(response, response.status,
           response.status == 413 ? "the body is larger than 1 MiB"
                                  : "this is no request that is expected");
  });
  http_.set_exception_handler([](const Request&, Response& response, const std::exception_ptr&) {
    Refuse(response, 500, "the inbox failed");
  });
  http_.set_payload_max_length(kBodyBytesMax);
}

void InboxServer::Answer(const Place& place, const Request& request, std::string body,
                         Response& response) {
  const auto header = [&](const char* name) { return request.get_header_value(name); };
  const SignatureHeaders signature{header("webhook-id"), header("webhook-timestamp"),
                                   header("webhook-signature"), header("X-Hub-Signature-256")};
  if (const Status is_signed = place.secrets.Verify(signature, body, clock_.Now());
      !is_signed.ok()) {
    spdlog::debug("inbox: {}: refused: {}", place.endpoint.feed, is_signed.error().message());
    return Refuse(response, 401, is_signed.error().message());
  }
  const std::string id = signature.id.empty() ? header("X-GitHub-Delivery") : signature.id;
  const auto arrival = orchestrator::ReadArrival(place.endpoint, id, std::move(body));
  if (!arrival.ok()) return Refuse(response, 400, arrival.error().message());
  const auto taken = inbox_.Take({&arrival.value(), 1});
  if (!taken.ok()) {
    constexpr const char* kRetrySeconds = "30";
    response.set_header("Retry-After", kRetrySeconds);
    return Refuse(response, 503, taken.error().message());
  }
  Say(response, 200, {{"id", arrival.value().id}, {"duplicate", !taken.value()[0].is_new}});
}

}  // namespace afluente::server
