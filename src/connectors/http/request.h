// One request over HTTP: the only client of other people's servers.
#pragma once

#include <chrono>
#include <map>
#include <stop_token>
#include <string>

#include "base/result.h"

namespace afluente::http {

inline constexpr std::size_t kBodyBytesMax = std::size_t{1} << 20U;

struct Request {
  std::string method = "GET";
  std::string url;  // http or https; certificates are verified.
  std::map<std::string, std::string> headers;
  std::string body;
  std::chrono::milliseconds timeout{30'000};  // To connect, and for each read.
  std::size_t answer_bytes_max = kBodyBytesMax;
};

struct Answer {
  int status = 0;
  std::string body;                            // At most answer_bytes_max of it.
  std::map<std::string, std::string> headers;  // Names in lower case; of doubles the last one.
};

/// Sends it and waits for the answer, whatever its status. Redirects are not followed.
/// Errors: kInvalidConfig for a URL that is none, kTransient when nobody answers, kUnauthorized
/// for a certificate that is not trusted, kCancelled on `stop`. No error holds the URL's query,
/// headers or body: they may be secret.
Result<Answer> Send(const Request& request, const std::stop_token& stop);

/// What a status says of trying again: kTransient for 408, 429 and 5xx, kUnauthorized for 401 and
/// 403, kNotFound for 404, kInvalidConfig else.
ErrorKind KindOfStatus(int status);

}  // namespace afluente::http
