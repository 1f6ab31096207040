#include "orchestrator/inbox/read_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "base/utf8.h"
#include "connectors/inbox/base64.h"

namespace afluente::orchestrator {
namespace {

using nlohmann::json;

Error Refused(const std::string& why) { return {ErrorKind::kInvalidConfig, why}; }

// Reads without keeping anything; deep nesting would exhaust the stack of whoever
// walks it later.
class DepthCheck final : public nlohmann::json_sax<json> {
 public:
  static constexpr int kDepthMax = 100;

  bool is_too_deep() const { return depth_ > kDepthMax; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth_ <= kDepthMax; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return --depth_ >= 0; }
  bool start_array(std::size_t) override { return ++depth_ <= kDepthMax; }
  bool end_array() override { return --depth_ >= 0; }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override {
    return false;
  }

 private:
  int depth_ = 0;
};

Status CheckJson(const std::string& text, const std::string& what) {
  DepthCheck check;
  if (json::sax_parse(text, &check)) return Done{};
  if (check.is_too_deep()) {
    return Refused(fmt::format("{} nests deeper than {}", what, DepthCheck::kDepthMax));
  }
  return Refused(what + " is not JSON in UTF-8");
}

std::string NewId() {
  std::random_device random;
  std::string id = "afluente-";
  for (int i = 0; i < 4; ++i) id += fmt::format("{:08x}", random());
  return id;
}

// The part of an envelope that is the message; nullptr when `document` is none.
const json* EnvelopeIn(const json& document) {
  if (!document.is_object()) return nullptr;
  const auto message = document.find("message");
  if (message == document.end() || !message->is_object()) return nullptr;
  const bool has_id = message->contains("messageId") || message->contains("message_id");
  return has_id && (message->contains("data") || message->contains("attributes")) ? &*message
                                                                                  : nullptr;
}

std::string TextAt(const json& object, const char* key, const char* other) {
  for (const char* name : {key, other}) {
    const auto found = object.find(name);
    if (found != object.end() && found->is_string()) return found->get<std::string>();
  }
  return "";
}

Status TakeOffEnvelope(const json& message, Arrival& arrival) {
  arrival.id = TextAt(message, "messageId", "message_id");
  if (arrival.id.empty()) return Refused("the envelope's messageId is no text");
  json attributes = message.value("attributes", json::object());
  if (!attributes.is_object()) return Refused("the envelope's attributes are no object");
  const std::string published = TextAt(message, "publishTime", "publish_time");
  if (!published.empty() && !attributes.contains("publishTime")) {
    attributes["publishTime"] = published;
  }
  arrival.attributes = attributes.dump();
  const auto data = message.find("data");
  if (data == message.end()) {
    arrival.body = "null";
    return Done{};
  }
  auto decoded = data->is_string() ? inbox::DecodeBase64(data->get_ref<const std::string&>())
                                   : std::optional<std::string>();
  if (!decoded) return Refused("the envelope's data is not base64");
  arrival.body = *std::move(decoded);
  return CheckJson(arrival.body, "the envelope's data");
}

// The value at `path`, "flow.id" or "flows.0.id", as text; nullopt when none stands there.
std::optional<std::string> ValueAt(const json& document, const std::string& path) {
  const json* at = &document;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    begin = end + 1;
    if (at->is_object()) {
      const auto found = at->find(name);
      if (found == at->end()) return std::nullopt;
      at = &*found;
    } else {
      const bool is_place = at->is_array() && !name.empty() && name.size() < 10 &&
                            name.find_first_not_of("0123456789") == std::string::npos;
      if (!is_place || std::stoul(name) >= at->size()) return std::nullopt;
      at = &(*at)[std::stoul(name)];
    }
  }
  if (at->is_string()) {
    const auto& text = at->get_ref<const std::string&>();
    if (text.find('\0') != std::string::npos) return std::nullopt;  // PostgreSQL has none of it.
    return text;
  }
  if (at->is_null() || at->is_structured()) return std::nullopt;
  return at->dump();
}

std::optional<EventKey> KeyIn(const json& body, const std::vector<std::string>& paths) {
  EventKey key;
  for (const std::string& path : paths) {
    auto value = ValueAt(body, path);
    if (!value) return std::nullopt;
    key.push_back(*std::move(value));
  }
  return key;
}

bool NamesKeys(const InboxEndpoint& endpoint) {
  return std::any_of(endpoint.triggered.begin(), endpoint.triggered.end(),
                     [](const auto* triggered) { return !triggered->trigger.key.empty(); });
}

void AddKeys(const json& body, Arrival& arrival) {
  for (const auto* triggered : arrival.endpoint->triggered) {
    if (triggered->trigger.key.empty()) continue;
    auto key = KeyIn(body, triggered->trigger.key);
    if (key) arrival.keys[triggered->name] = *std::move(key);
  }
}

}  // namespace

Result<Arrival> ReadArrival(const InboxEndpoint& endpoint, std::string id, std::string body) {
  AFL_TRY(CheckJson(body, "the body"));
  Arrival arrival;
  arrival.endpoint = &endpoint;
  arrival.id = std::move(id);
  arrival.attributes = "{}";
  const bool names_keys = NamesKeys(endpoint);
  json document;
  if (endpoint.is_topic || names_keys) document = json::parse(body, nullptr, false);
  const json* envelope = endpoint.is_topic ? EnvelopeIn(document) : nullptr;
  if (envelope != nullptr) {
    AFL_TRY(TakeOffEnvelope(*envelope, arrival));
    if (names_keys) document = json::parse(arrival.body, nullptr, false);
  } else {
    arrival.body = std::move(body);
  }
  constexpr std::size_t kIdBytesMax = 256;
  if (arrival.id.size() > kIdBytesMax) return Refused("the message's id is longer than 256 bytes");
  if (!IsUtf8(arrival.id.data(), arrival.id.size())) {
    return Refused("the message's id is not UTF-8");
  }
  if (arrival.id.empty()) arrival.id = NewId();
  AddKeys(document, arrival);
  return arrival;
}

Arrival ReadPublished(const InboxEndpoint& endpoint, pubsub::Message message) {
  Arrival arrival;
  arrival.endpoint = &endpoint;
  arrival.id = message.id.empty() ? NewId() : std::move(message.id);
  json attributes = std::move(message.attributes);
  if (!message.published_at.empty()) attributes["publishTime"] = std::move(message.published_at);
  if (!message.ordering_key.empty()) attributes["orderingKey"] = std::move(message.ordering_key);
  arrival.attributes = attributes.dump(-1, ' ', false, json::error_handler_t::replace);
  // A message may be its attributes alone.
  arrival.body = message.data.empty() ? "null" : std::move(message.data);
  if (const Status is_json = CheckJson(arrival.body, "the message's data"); !is_json.ok()) {
    arrival.fault = is_json.error().message();
    if (!IsUtf8(arrival.body.data(), arrival.body.size())) {
      arrival.body = inbox::EncodeBase64(arrival.body);
    }
  } else if (NamesKeys(endpoint)) {
    AddKeys(json::parse(arrival.body, nullptr, false), arrival);
  }
  return arrival;
}

}  // namespace afluente::orchestrator
