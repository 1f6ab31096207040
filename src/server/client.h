// How commands ask a service that runs.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>

#include "base/result.h"

namespace afluente::server {

class UnixClient;

/// One conversation with the service of a state folder. One thread uses it.
class Client {
 public:
  /// Null when no service answers there.
  static std::unique_ptr<Client> Find(const std::filesystem::path& state_root);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Errors: what the service answers with; kTransient when it does not.
  Result<nlohmann::json> Get(const std::string& path);
  Result<nlohmann::json> Post(const std::string& path, const nlohmann::json& body);

  /// Calls `on_line` with each JSON document of a streamed answer.
  /// Errors: as Post; what `on_line` fails with; kCancelled when `stop` fires.
  Status PostForLines(const std::string& path, const nlohmann::json& body,
                      const std::function<Status(const nlohmann::json&)>& on_line,
                      const std::stop_token& stop);

 private:
  explicit Client(std::unique_ptr<UnixClient> http);
  std::unique_ptr<UnixClient> http_;
};

}  // namespace afluente::server
