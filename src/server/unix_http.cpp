#include "server/unix_http.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace afluente::server {
namespace {

// False for a path that is too long for the kernel.
bool FillAddress(const std::filesystem::path& path, sockaddr_un& address) {
  const std::string text = path.string();
  if (text.size() >= sizeof(address.sun_path)) return false;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  return true;
}

}  // namespace

Status UnixServer::Bind(const std::filesystem::path& path) {
  sockaddr_un address{};
  if (!FillAddress(path, address)) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("{}: the path is too long for a socket ({} bytes); choose a shorter "
                             "--state",
                             path.string(), sizeof(address.sun_path) - 1));
  }
  // The state folder's lock is ours: whoever made the old one is dead.
  unlink(path.c_str());
  const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const mode_t mask = umask(0077);
  const bool bound =
      made >= 0 && ::bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  umask(mask);
  constexpr int kWaitingMax = 64;
  if (!bound || ::listen(made, kWaitingMax) != 0) {
    const Error failed(ErrorKind::kInvalidConfig,
                       fmt::format("{}: {}", path.string(), std::strerror(errno)));
    if (made >= 0) close(made);
    return failed;
  }
  svr_sock_ = made;
  return Done{};
}

bool UnixClient::create_and_connect_socket(Socket& socket, httplib::Error& error) {
  sockaddr_un address{};
  const int made =
      FillAddress(path_, address) ? ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
  if (made < 0 ||
      ::connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (made >= 0) close(made);
    error = httplib::Error::Connection;
    return false;
  }
  socket.sock = made;
  return true;
}

}  // namespace afluente::server
