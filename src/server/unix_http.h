// HTTP over a Unix socket: the one place that includes cpp-httplib.
#pragma once

#include <httplib.h>

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
