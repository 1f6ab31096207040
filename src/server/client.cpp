#include "server/client.h"

#include <optional>

#include "server/documents.h"
#include "server/service.h"
#include "server/unix_http.h"

namespace afluente::server {
namespace {

using nlohmann::json;

constexpr const char* kJsonBody = "application/json";

Result<json> Read(const httplib::Result& answer) {
  if (!answer) return Error(ErrorKind::kTransient, "the service does not answer");
  json document = json::parse(answer->body, nullptr, false);
  if (answer->status != 200) return ErrorFromJson(document);
  return document;
}

}  // namespace

Client::Client(std::unique_ptr<UnixClient> http) : http_(std::move(http)) {}
Client::~Client() = default;

std::unique_ptr<Client> Client::Find(const std::filesystem::path& state_root) {
  if (!std::filesystem::exists(SocketOf(state_root))) return nullptr;
  auto http = std::make_unique<UnixClient>(SocketOf(state_root));
  constexpr time_t kNoLimit = 24 * 3600;  // Of a query: it has its own.
  http->set_read_timeout(kNoLimit);
  http->set_keep_alive(true);
  if (!http->Get("/api/health")) return nullptr;
  return std::unique_ptr<Client>(new Client(std::move(http)));
}

Result<json> Client::Get(const std::string& path) { return Read(http_->Get(path.c_str())); }

Result<json> Client::Post(const std::string& path, const json& body) {
  return Read(http_->Post(path.c_str(), body.dump(), kJsonBody));
}

Status Client::PostForLines(const std::string& path, const json& body,
                            const std::function<Status(const json&)>& on_line,
                            const std::stop_token& stop) {
  std::string rest;  // Behind the last whole line.
  std::optional<Error> failed;
  httplib::Request request;
  request.method = "POST";
  request.path = path;
  request.body = body.dump();
  request.headers = {{"Content-Type", kJsonBody}};
  request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    rest.append(data, size);
    std::size_t begin = 0;
    for (std::size_t end = rest.find('\n'); end != std::string::npos;
         end = rest.find('\n', begin)) {
      const json line = json::parse(rest.substr(begin, end - begin), nullptr, false);
      begin = end + 1;
      if (Status read = on_line(line); !read.ok()) {
        failed = std::move(read).error();
        return false;
      }
    }
    rest.erase(0, begin);
    return true;
  };
  const std::stop_callback hang_up(stop, [this] { http_->stop(); });
  const httplib::Result answer = http_->send(request);
  if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
  if (failed) return *std::move(failed);
  if (!answer) return Error(ErrorKind::kTransient, "the service does not answer");
  if (answer->status != 200) return ErrorFromJson(json::parse(rest, nullptr, false));
  return Done{};
}

}  // namespace afluente::server
