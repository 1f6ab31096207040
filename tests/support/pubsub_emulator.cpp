#include "support/pubsub_emulator.h"

#include <fmt/format.h>
#include <httplib.h>
#include <openssl/evp.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>

#include "support/free_port.h"

namespace afluente::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Asks the Cloud SDK where it is; "" when there is none or it lacks the emulator.
fs::path FindJar() {
  Command command;
  command.args = {"/bin/sh", "-c",
                  "gcloud info --format='value(installation.sdk_root)' 2>/dev/null"};
  const TempFolder folder;
  command.env = {{"CLOUDSDK_CONFIG", folder.path().string()}};
  std::string root = RunCommand(command).out;
  while (!root.empty() && root.back() == '\n') root.pop_back();
  if (root.empty()) return {};
  std::error_code none;
  for (const auto& entry :
       fs::directory_iterator(fs::path(root) / "platform/pubsub-emulator/lib", none)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("cloud-pubsub-emulator") && name.ends_with(".jar")) return entry.path();
  }
  return {};
}

const fs::path& Jar() {
  static const fs::path kJar = FindJar();
  return kJar;
}

std::string Base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace

std::optional<std::string> PubsubEmulator::Missing() {
  if (!Jar().empty()) return std::nullopt;
  return "the Cloud SDK with its Pub/Sub emulator is not installed";
}

PubsubEmulator::PubsubEmulator(std::string project)
    : project_(std::move(project)), port_(FreePort()), host_(fmt::format("127.0.0.1:{}", port_)) {
  Start();
}

void PubsubEmulator::Start() {
  Command command;
  command.args = {"/bin/sh", "-c",
                  fmt::format("exec java -Xmx512m -jar '{}' --host=127.0.0.1 --port={}",
                              Jar().string(), port_)};
  command.cwd = folder_.path();
  server_.emplace(command);
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!httplib::Client("127.0.0.1", port_).Get("/")) {
    if (server_->EndsWithin(std::chrono::milliseconds(100))) {
      throw std::runtime_error("the Pub/Sub emulator ended: " + server_->err());
    }
    if (std::chrono::steady_clock::now() > until) {
      throw std::runtime_error("the Pub/Sub emulator does not answer");
    }
  }
}

void PubsubEmulator::Restart() {
  server_.reset();
  Start();
}

json PubsubEmulator::Send(const std::string& method, const std::string& path,
                          const json& body) const {
  httplib::Client client("127.0.0.1", port_);
  client.set_read_timeout(std::chrono::minutes(1));
  const std::string url = "/v1/projects/" + project_ + path;
  const auto answer = method == "GET"   ? client.Get(url)
                      : method == "PUT" ? client.Put(url, body.dump(), "application/json")
                                        : client.Post(url, body.dump(), "application/json");
  if (!answer) throw std::runtime_error("the Pub/Sub emulator went away");
  if (answer->status != 200) throw std::runtime_error(url + ": " + answer->body);
  return json::parse(answer->body);
}

void PubsubEmulator::CreateTopic(const std::string& topic) const {
  Send("PUT", "/topics/" + topic, json::object());
}

std::vector<std::string> PubsubEmulator::Publish(const std::string& topic,
                                                 const std::vector<std::string>& data,
                                                 const json& rest) const {
  json messages = json::array();
  for (const std::string& bytes : data) {
    json& message = messages.emplace_back(rest);
    message["data"] = Base64(bytes);
  }
  const json answer = Send("POST", "/topics/" + topic + ":publish", {{"messages", messages}});
  return answer.at("messageIds");
}

json PubsubEmulator::Subscription(const std::string& name) const {
  return Send("GET", "/subscriptions/" + name, {});
}

}  // namespace afluente::test
