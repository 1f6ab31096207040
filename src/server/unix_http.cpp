#include "server/unix_http.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <thread>

#include "base/c_handle.h"

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

TcpServer::TcpServer() {
  constexpr std::size_t kThreads = 128;  // As many messages share a commit.
  constexpr time_t kPatienceSeconds = 10;
  set_keep_alive_max_count(1);
  set_read_timeout(kPatienceSeconds);
  set_write_timeout(kPatienceSeconds);
  new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
}

Result<std::string> TcpServer::Bind(const std::string& host, int port) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  const int found = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &raw);
  if (found != 0) return Error(ErrorKind::kInvalidConfig, gai_strerror(found));
  const std::unique_ptr<addrinfo, FreeWith<freeaddrinfo>> address(raw);
  const int made = ::socket(raw->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // A port that another process listens at is not shared with it.
  const int yes = 1;
  constexpr int kWaitingMax = 512;
  if (made < 0 || setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
      ::bind(made, raw->ai_addr, raw->ai_addrlen) != 0 || ::listen(made, kWaitingMax) != 0) {
    const Error failed(
        ErrorKind::kInvalidConfig,
        fmt::format("{}; choose another with inbox.listen or --listen", std::strerror(errno)));
    if (made >= 0) close(made);
    return failed;
  }
  sockaddr_storage got{};
  socklen_t size = sizeof(got);
  getsockname(made, reinterpret_cast<sockaddr*>(&got), &size);
  const int bound =
      ntohs(got.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(got).sin6_port
                                      : reinterpret_cast<const sockaddr_in&>(got).sin_port);
  svr_sock_ = made;
  const bool in_brackets = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", in_brackets ? "[" : "", host, in_brackets ? "]" : "", bound);
}

void TcpServer::AnswerAfterBind() {
  listen_after_bind();
  ended_ = true;
  if (!stopped_) spdlog::error("the HTTP server has stopped: {}", std::strerror(errno));
}

void TcpServer::StopAnswering() {
  stopped_ = true;
  // Before it has begun it would not hear of it.
  while (!is_running() && !ended_) std::this_thread::yield();
  stop();
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
