// Google's services that speak gRPC, from a library of their own (src/grpc/).
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "connectors/bigquery/storage.h"
#include "connectors/pubsub/pubsub.h"

namespace afluente::google {

/// Where a service answers.
struct Endpoint {
  std::string address;    // "pubsub.googleapis.com:443", "127.0.0.1:8085".
  bool encrypted = true;  // False for emulators alone.
  /// Gives the token that a request carries; "" for none. Called on any thread.
  std::function<Result<std::string>(const std::stop_token&)> token;
  std::string who;  // Whose token that is, for errors.
};

/// What the library offers. Nothing is sent before the first call of what is opened.
class Grpc {
 public:
  virtual ~Grpc() = default;
  virtual std::unique_ptr<pubsub::Subscription> OpenSubscription(
      Endpoint endpoint, pubsub::PullOptions options) const = 0;
  /// Serves google.pubsub.v1.Publisher, unencrypted. Port 0 is any that is free. Borrows the
  /// handler. Errors: kInvalidConfig for an address that cannot be had.
  virtual Result<std::unique_ptr<pubsub::PublishServer>> ServePublishers(
      const std::string& host, int port, pubsub::PublishHandler& handler) const = 0;
  virtual std::unique_ptr<bigquery::TableReads> OpenTableReads(Endpoint endpoint) const = 0;
};

/// The service at `address` with google::DefaultCredentials, or the emulator that the environment
/// variable `emulator` names, HOST:PORT, without any. Borrows the clock.
/// Errors: as those of DefaultCredentials.
Result<Endpoint> EndpointOf(const std::string& address, const char* emulator, const Clock& clock);

/// Loads the library, which stands beside the program; the first call does. It is a
/// library of its own since it would cost every process 9 MB and fifty more libraries,
/// and few need it. Thread-safe. Errors: kInternal when it is not there.
Result<const Grpc*> LoadGrpc();

/// What the library exports under the name kGrpcEntry: never nullptr, lives as long as
/// the process.
using GrpcEntry = const Grpc* (*)();
inline constexpr const char* kGrpcEntry = "AfluenteGrpc";
inline constexpr const char* kGrpcLibrary = "libafluente_grpc.so";

}  // namespace afluente::google
