// Pub/Sub, as Google's own emulator understands it, where the Cloud SDK has it.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/temp_folder.h"

namespace afluente::test {

/// A server of its own, in memory.
class PubsubEmulator {
 public:
  /// Why there is none on this machine; nullopt: there is one.
  static std::optional<std::string> Missing();

  /// Throws when it does not answer within a minute. `project`: of all topics.
  explicit PubsubEmulator(std::string project);

  /// "127.0.0.1:PORT", for PUBSUB_EMULATOR_HOST.
  const std::string& host() const { return host_; }
  void CreateTopic(const std::string& topic) const;
  /// {"attributes": {...}, "orderingKey": ...} and the bytes of its data. Returns the ids.
  std::vector<std::string> Publish(const std::string& topic, const std::vector<std::string>& data,
                                   const nlohmann::json& rest = nlohmann::json::object()) const;
  nlohmann::json Subscription(const std::string& name) const;
  /// Ends it and starts another one at the same port, which remembers nothing.
  void Restart();

 private:
  void Start();
  nlohmann::json Send(const std::string& method, const std::string& path,
                      const nlohmann::json& body) const;

  TempFolder folder_;
  std::string project_;
  int port_ = 0;
  std::string host_;
  std::optional<Process> server_;
};

}  // namespace afluente::test
