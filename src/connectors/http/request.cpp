#include "connectors/http/request.h"

#include <httplib.h>

#include <cctype>
#include <string_view>

namespace afluente::http {
namespace {

struct Url {
  std::string origin;  // "https://api.movva.example:8443"
  std::string path;    // With the query; at least "/".
};

Result<Url> Parse(const std::string& text) {
  const std::size_t scheme = text.find("://");
  const bool known = text.starts_with("http://") || text.starts_with("https://");
  if (!known) {
    return Error(ErrorKind::kInvalidConfig, "a URL starts with http:// or https://, this does not");
  }
  const std::size_t begin = scheme + std::string_view("://").size();
  const std::size_t path = std::min(text.find_first_of("/?#", begin), text.size());
  if (path == begin) return Error(ErrorKind::kInvalidConfig, "the URL names no host");
  if (text.substr(begin, path - begin).find('@') != std::string::npos) {
    return Error(ErrorKind::kInvalidConfig,
                 "the URL holds a user's name: send an Authorization header instead");
  }
  Url url{text.substr(0, path), text.substr(path, text.find('#', path) - path)};
  if (!url.path.starts_with('/')) url.path.insert(0, "/");
  return url;
}

std::string InLowerCase(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Error Failure(httplib::Error error, const std::string& origin) {
  const std::string what = origin + ": ";
  const bool is_distrusted =
      error == httplib::Error::SSLServerVerification || error == httplib::Error::SSLLoadingCerts;
  if (is_distrusted) {
    return {ErrorKind::kUnauthorized,
            what +
                "its certificate is not trusted by this machine: check the host's name and the "
                "certificates of the system"};
  }
  const bool is_away = error == httplib::Error::Connection ||
                       error == httplib::Error::ConnectionTimeout ||
                       error == httplib::Error::SSLConnection;
  return {ErrorKind::kTransient,
          what + (is_away ? "it could not be reached" : httplib::to_string(error))};
}

}  // namespace

Result<Answer> Send(const Request& request, const std::stop_token& stop) {
  AFL_ASSIGN(const Url url, Parse(request.url));
  httplib::Client client(url.origin);
  if (!client.is_valid()) {
    return Error(ErrorKind::kInvalidConfig, url.origin + " is no address of a server");
  }
  client.set_connection_timeout(request.timeout);
  client.set_read_timeout(request.timeout);
  client.set_write_timeout(request.timeout);
  // Otherwise each write waits for the acknowledgement of the one before.
  client.set_tcp_nodelay(true);
  httplib::Request sent;
  sent.method = request.method;
  sent.path = url.path;
  for (const auto& [name, value] : request.headers) sent.set_header(name, value);
  sent.body = request.body;
  if (!request.body.empty() && !sent.has_header("Content-Type")) {
    sent.set_header("Content-Type", "application/json");
  }
  Answer answer;
  // What is more than anybody reads is taken from the network all the same, so that the status
  // counts.
  sent.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    answer.body.append(data, std::min(size, request.answer_bytes_max - answer.body.size()));
    return !stop.stop_requested();
  };
  const std::stop_callback stopping(stop, [&] { client.stop(); });
  const httplib::Result result = client.send(sent);
  if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "it was asked to end");
  if (!result) return Failure(result.error(), url.origin);
  answer.status = result->status;
  for (const auto& [name, value] : result->headers) answer.headers[InLowerCase(name)] = value;
  return answer;
}

ErrorKind KindOfStatus(int status) {
  constexpr int kServerError = 500;
  switch (status) {
    case 401:
    case 403:
      return ErrorKind::kUnauthorized;
    case 404:
      return ErrorKind::kNotFound;
    case 408:
    case 429:
      return ErrorKind::kTransient;
    default:
      return status >= kServerError ? ErrorKind::kTransient : ErrorKind::kInvalidConfig;
  }
}

}  // namespace afluente::http
