#include "server/answer.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "server/documents.h"

namespace afluente::server {
namespace {

using nlohmann::json;

constexpr const char* kJson = "application/json";

int StatusFor(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidConfig:
      return 400;
    case ErrorKind::kUnauthorized:
      return 403;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kSchemaMismatch:
    case ErrorKind::kConversion:
      return 422;
    case ErrorKind::kTransient:
    case ErrorKind::kCancelled:
      return 503;
    case ErrorKind::kInternal:
      return 500;
  }
  return 500;
}

// Between the thread that works and the one that writes.
class Lines {
 public:
  void Add(const json& line) {
    const std::lock_guard lock(mutex_);
    text_ += Dump(line) + "\n";
    changed_.notify_all();
  }
  void End() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  /// What came within a tick's time; `ended`: nothing more will.
  std::string Take(bool& ended) {
    constexpr std::chrono::milliseconds kTick{200};
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kTick, [this] { return ended_ || !text_.empty(); });
    ended = ended_;
    return std::exchange(text_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  bool ended_ = false;
};

}  // namespace

void Answer(httplib::Response& response, const Result<json>& document) {
  if (document.ok()) return response.set_content(Dump(document.value()), kJson);
  response.status = StatusFor(document.error().kind());
  response.set_content(Dump({{"error", ToJson(document.error())}}), kJson);
}

Result<json> ReadBody(const httplib::Request& request, const std::string& expected) {
  json body = json::parse(request.body, nullptr, false);
  if (body.is_object()) return body;
  return Error(ErrorKind::kInvalidConfig, "expected " + expected);
}

void AnswerInLines(httplib::Response& response, const std::stop_token& stop, LongWork work,
                   std::function<json()> tick) {
  response.set_chunked_content_provider(
      "application/x-ndjson",
      [stop, work = std::move(work), tick = std::move(tick)](std::size_t, httplib::DataSink& sink) {
        Lines lines;
        std::jthread worker([&](const std::stop_token& mine) {
          work([&](const json& line) { lines.Add(line); }, mine);
          lines.Add({{"end", true}});
          lines.End();
        });
        const std::stop_callback forward(stop, [&] { worker.request_stop(); });
        bool is_writable = true;
        for (bool ended = false; !ended && is_writable;) {
          std::string text = lines.Take(ended);
          if (text.empty() && tick) text = Dump(tick()) + "\n";
          is_writable = text.empty() || sink.write(text.data(), text.size());
        }
        if (is_writable) sink.done();
        return is_writable;
      });
}

}  // namespace afluente::server
