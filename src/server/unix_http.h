// HTTP over sockets that we make: the one place that includes cpp-httplib.
#pragma once

#include <httplib.h>

#include <atomic>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace afluente::server {

/// A server that listens at a path instead of a port. cpp-httplib 0.11 knows
/// only ports, but takes a socket that somebody else has made.
class UnixServer final : public httplib::Server {
 public:
  /// Takes the place of a socket that a dead process left. Only the owner of
  /// the file may connect. Errors: kInvalidConfig when it cannot be made.
  Status Bind(const std::filesystem::path& path);
};

/// A server at a port, for many callers that each ask once: every answer ends its
/// connection, so that none of them keeps a thread, and what is left of a body that
/// nobody read is not taken for the next request.
class TcpServer final : public httplib::Server {
 public:
  TcpServer();
  /// Returns the address that it got, as "127.0.0.1:8090"; port 0 is any that is free.
  /// Errors: kInvalidConfig when it cannot be had.
  Result<std::string> Bind(const std::string& host, int port);
  /// Answers until StopAnswering; what was begun is answered first. Logs when it
  /// ends for another reason.
  void AnswerAfterBind();
  /// From another thread; also when AnswerAfterBind has not begun yet.
  void StopAnswering();

 private:
  std::atomic<bool> ended_{false};
  std::atomic<bool> stopped_{false};
};

/// A client of one. Each thread uses its own.
class UnixClient final : public httplib::ClientImpl {
 public:
  explicit UnixClient(std::filesystem::path path)
      : httplib::ClientImpl("localhost", 80), path_(std::move(path)) {}

 private:
  bool create_and_connect_socket(Socket& socket, httplib::Error& error) override;

  std::filesystem::path path_;
};

}  // namespace afluente::server
