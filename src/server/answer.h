// How the API answers: one JSON document, or a document a line while long work goes on.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "server/unix_http.h"

namespace afluente::server {

/// The document, or the error with the status that its kind has in HTTP.
void Answer(httplib::Response& response, const Result<nlohmann::json>& document);

/// The body of a request as a JSON object. kInvalidConfig with `expected` otherwise.
Result<nlohmann::json> ReadBody(const httplib::Request& request, const std::string& expected);

/// Sends one document; thread-safe.
using Emit = std::function<void(const nlohmann::json& line)>;

/// What takes long. It stops early when its token fires.
using LongWork = std::function<void(const Emit& emit, const std::stop_token& stop)>;

/// Answers with what `work` emits, and with what `tick` (may be empty) says a few
/// times a second meanwhile; the last line is {"end": true}. A caller that hangs
/// up, and `stop`, stop the work; it is waited for.
void AnswerInLines(httplib::Response& response, const std::stop_token& stop, LongWork work,
                   std::function<nlohmann::json()> tick);

}  // namespace afluente::server
