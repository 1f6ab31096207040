// One of Google's services over REST: tokens, retries, errors, the same for all.
#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "connectors/google/credentials.h"
#include "connectors/http/request.h"

namespace afluente::google {

struct Call {
  std::string method = "GET";
  std::string path = {};  // From the base on: "/bigquery/v2/projects/p/jobs", or a whole URL.
  std::string body = {};
  std::string content_type = "application/json";
  std::map<std::string, std::string> headers = {};
};

struct Reply {
  int status = 0;
  nlohmann::json body;  // An object; empty when the answer was none.
  std::map<std::string, std::string> headers;

  bool ok() const { return status >= 200 && status < 300; }
  /// Why it was refused: "notFound", "duplicate", "rateLimitExceeded"; "" if it was not.
  /// Source: cloud.google.com/bigquery/docs/error-messages.
  std::string Reason() const;
  /// What the service says of it.
  std::string Message() const;
};

/// Whether Google says of that reason that the same call may succeed later.
bool IsPassing(const std::string& reason);

/// A refused reply as an error: kTransient for passing reasons and quotas, kUnauthorized,
/// kNotFound, kInvalidConfig.
Error Refusal(const Reply& reply);

struct ServiceOptions {
  std::string name;                                             // For errors: "BigQuery".
  std::string base_url;                                         // "https://bigquery.googleapis.com"
  std::chrono::nanoseconds patience = std::chrono::minutes(2);  // Of retries, together.
  std::chrono::nanoseconds first_pause = std::chrono::milliseconds(500);
};

/// Thread-safe.
class Service {
 public:
  /// Borrows the clock.
  Service(ServiceOptions options, std::unique_ptr<Credentials> credentials, const Clock& clock)
      : options_(std::move(options)), credentials_(std::move(credentials)), clock_(clock) {}

  /// Sends it until there is a reply that is worth telling: lost connections, 5xx, 429 and other
  /// passing reasons are tried again, with growing pauses, for as long as the patience lasts. So
  /// the call must be one that may arrive twice. A token that is refused is made anew once.
  /// Errors: of Credentials::Token and http::Send; kCancelled.
  Result<Reply> Send(const Call& call, const std::stop_token& stop);

  /// The body of a reply that is ok. Errors: of Send and Refusal.
  Result<nlohmann::json> Do(const Call& call, const std::stop_token& stop);

 private:
  Result<Reply> Once(const Call& call, const std::stop_token& stop);

  const ServiceOptions options_;
  const std::unique_ptr<Credentials> credentials_;
  const Clock& clock_;
};

}  // namespace afluente::google
