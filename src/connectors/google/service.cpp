#include "connectors/google/service.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <random>

#include "base/stop_after.h"

namespace afluente::google {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kLongestPause(32);
// The largest page that BigQuery sends is 20 MB.
constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 20U;

// Between half of the pause and all of it, so that those who were refused together do not come
// back together.
std::chrono::nanoseconds WithJitter(std::chrono::nanoseconds pause) {
  thread_local std::mt19937_64 random(std::random_device{}());
  return std::chrono::nanoseconds(
      std::uniform_int_distribution<std::int64_t>(pause.count() / 2, pause.count())(random));
}

const json* At(const json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string WithoutQuery(const std::string& path) { return path.substr(0, path.find('?')); }

}  // namespace

std::string Reply::Reason() const {
  const json* error = At(body, "error");
  if (error == nullptr) return "";
  const json* errors = At(*error, "errors");
  if (errors != nullptr && errors->is_array() && !errors->empty()) {
    const json* reason = At(errors->front(), "reason");
    if (reason != nullptr && reason->is_string()) return reason->get<std::string>();
  }
  const json* kind = At(*error, "status");
  return kind != nullptr && kind->is_string() ? kind->get<std::string>() : "";
}

std::string Reply::Message() const {
  const json* error = At(body, "error");
  const json* message = error == nullptr ? nullptr : At(*error, "message");
  return message != nullptr && message->is_string() ? message->get<std::string>() : "";
}

bool IsPassing(const std::string& reason) {
  constexpr std::array<std::string_view, 8> kPassing = {
      "backendError",     "internalError",        "rateLimitExceeded", "jobBackendError",
      "jobInternalError", "jobRateLimitExceeded", "UNAVAILABLE",       "RESOURCE_EXHAUSTED"};
  return std::find(kPassing.begin(), kPassing.end(), reason) != kPassing.end();
}

Error Refusal(const Reply& reply) {
  const std::string reason = reply.Reason();
  ErrorKind kind = http::KindOfStatus(reply.status);
  // A quota is full for hours: whoever schedules may try again, a call need not wait.
  if (IsPassing(reason) || reason == "quotaExceeded") kind = ErrorKind::kTransient;
  return {kind, fmt::format("{} {}: {}", reply.status, reason.empty() ? "refused" : reason,
                            reply.Message().empty() ? "no reason given" : reply.Message())};
}

Result<Reply> Service::Once(const Call& call, const std::stop_token& stop) {
  http::Request request;
  request.method = call.method;
  request.url = call.path.starts_with("http") ? call.path : options_.base_url + call.path;
  request.headers = call.headers;
  request.timeout = std::chrono::minutes(4);  // jobs.query answers within 200 seconds.
  request.answer_bytes_max = kAnswerBytesMax;
  request.body = call.body;
  if (!call.body.empty()) request.headers["Content-Type"] = call.content_type;
  AFL_ASSIGN(const std::string token, credentials_->Token(stop));
  if (!token.empty()) request.headers["Authorization"] = "Bearer " + token;
  const auto began = clock_.Monotonic();
  AFL_ASSIGN(http::Answer answer, http::Send(request, stop));
  Reply reply{answer.status, json::parse(answer.body, nullptr, false), std::move(answer.headers)};
  if (!reply.body.is_object()) reply.body = json::object();
  spdlog::debug("{}: {} {}: {} {} after {:.0f} ms", options_.name, call.method,
                WithoutQuery(call.path), reply.status, reply.Reason(),
                std::chrono::duration<double, std::milli>(clock_.Monotonic() - began).count());
  return reply;
}

Result<Reply> Service::Send(const Call& call, const std::stop_token& stop) {
  const auto until = clock_.Monotonic() + options_.patience;
  std::chrono::nanoseconds pause = options_.first_pause;
  bool has_new_token = false;
  while (true) {
    Result<Reply> reply = Once(call, stop).Within([&] { return options_.name; });
    if (reply.ok() && reply.value().status == 401 && !has_new_token) {
      has_new_token = true;
      credentials_->Forget();
      continue;
    }
    const bool again = reply.ok()
                           ? !reply.value().ok() &&
                                 (IsPassing(reply.value().Reason()) ||
                                  http::KindOfStatus(reply.value().status) == ErrorKind::kTransient)
                           : reply.error().kind() == ErrorKind::kTransient;
    const std::chrono::nanoseconds wait = WithJitter(pause);
    if (!again || clock_.Monotonic() + wait > until) return reply;
    if (pause == options_.first_pause) {
      spdlog::warn("{}; trying again for up to {:.0f} s",
                   reply.ok() ? options_.name + ": " + Refusal(reply.value()).message()
                              : reply.error().message(),
                   std::chrono::duration<double>(options_.patience).count());
    }
    Rest(stop, wait);
    if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "it was asked to end");
    pause = std::min<std::chrono::nanoseconds>(pause * 2, kLongestPause);
  }
}

Result<json> Service::Do(const Call& call, const std::stop_token& stop) {
  AFL_ASSIGN(Reply reply, Send(call, stop));
  if (reply.ok()) return std::move(reply.body);
  Error refusal = Refusal(reply);
  refusal.AddFrame(options_.name);
  if (refusal.kind() == ErrorKind::kUnauthorized) refusal.AddFrame(credentials_->Who());
  return refusal;
}

}  // namespace afluente::google
