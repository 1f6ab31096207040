// The inbox's HTTP server: webhooks and messages of topics come in, and nothing else is answered.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "estate/estate.h"
#include "orchestrator/inbox/inbox.h"
#include "server/signature.h"
#include "server/unix_http.h"

namespace afluente::server {

/// Listens on TCP until destroyed; requests that were begun are answered first.
///
/// | route | answer |
/// |---|---|
/// | `GET /health` | 200 |
/// | `POST` a webhook's path, `POST /topics/NAME` | 200 once the message is durable, or was before
/// |
///
/// 400 for a body that is no JSON, 401 without a signature that fits, 404, 413 above
/// 1 MiB, 415 for a compressed one, 503 with Retry-After when it cannot be stored now.
class InboxServer {
 public:
  static constexpr std::size_t kBodyBytesMax = std::size_t{1} << 20U;

  /// nullptr when nothing in the estate is to arrive. `listen`: HOST:PORT; "": the
  /// estate's. Borrows everything but `listen`.
  /// Errors: kInvalidConfig for a secret that is not there or no good, for an
  /// address that cannot be listened at.
  static Result<std::unique_ptr<InboxServer>> Open(const estate::Estate& estate,
                                                   const std::string& listen,
                                                   orchestrator::Inbox& inbox, const Clock& clock);
  ~InboxServer();
  InboxServer(const InboxServer&) = delete;
  InboxServer& operator=(const InboxServer&) = delete;

  /// Where it listens: "127.0.0.1:8090".
  const std::string& address() const { return address_; }

 private:
  struct Place {
    orchestrator::InboxEndpoint endpoint;
    SigningSecrets secrets;
  };
  InboxServer(orchestrator::Inbox& inbox, const Clock& clock) : inbox_(inbox), clock_(clock) {}
  void AddRoutes();
  void Answer(const Place& place, const httplib::Request& request, std::string body,
              httplib::Response& response);

  orchestrator::Inbox& inbox_;
  const Clock& clock_;
  std::map<std::string, Place> places_;  // By path.
  TcpServer http_;
  std::string address_;
  std::jthread answering_;  // Last: joined before what it uses goes.
};

}  // namespace afluente::server
