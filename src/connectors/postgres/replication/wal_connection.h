// A connection in replication mode: makes slots, streams one, answers the server.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/libpq.h"
#include "connectors/postgres/replication/lsn.h"

namespace afluente::postgres {

/// What a new slot begins with.
struct NewSlot {
  Lsn consistent_point;     // The slot sends what commits after this.
  std::string snapshot_id;  // Everything before it; valid until the connection's next command.
};

/// The newest version of pgoutput's protocol that a server of `server_version`
/// (150013) and ParseMessage speak: 2 since PostgreSQL 14, 3 since 15, 4 since 16.
/// Source: PostgreSQL documentation, "Logical Streaming Replication Parameters".
int ProtocolVersion(int server_version);

/// How a slot is streamed.
struct StreamOptions {
  std::string slot;
  std::vector<std::string> publications;
  Lsn from;
  int protocol_version = 2;  // 1: before PostgreSQL 14.
  bool binary = true;        // Since PostgreSQL 14.
};

/// One message of the stream; `payload` lives until the next call of Next.
struct WalMessage {
  bool is_keepalive = false;
  Lsn start;    // Of the payload; 0/0 for what has no place of its own.
  Lsn wal_end;  // Keepalive: how far the server has decoded.
  std::string_view payload;
};

/// Wakes a thread that waits in WalConnection::Next. Thread-safe.
class Wakeup {
 public:
  static Result<std::unique_ptr<Wakeup>> Make();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  void Signal() const;
  /// Forgets signals so far.
  void Drain() const;
  int fd() const { return fd_; }

 private:
  explicit Wakeup(int fd) : fd_(fd) {}
  int fd_;
};

/// Source: PostgreSQL documentation, "Streaming Replication Protocol". One
/// thread uses it, but for Confirm.
class WalConnection {
 public:
  /// Errors: those of Connect; kUnauthorized without the REPLICATION attribute.
  static Result<std::unique_ptr<WalConnection>> Open(const Endpoint& endpoint);

  /// Makes a slot and exports its snapshot. A temporary one goes with this
  /// connection. Waits for the transactions that are open now; kCancelled when
  /// `stop` fires meanwhile. Errors: the server's, such as no free slot.
  Result<NewSlot> CreateSlot(const std::string& name, bool temporary, const std::stop_token& stop);

  /// Begins to stream. `wakeup` is borrowed.
  Status Start(const StreamOptions& options, const Wakeup& wakeup);

  /// The next message; nullopt after `patience`, or when the wakeup was
  /// signalled. Tells the server how far is durable whenever it asks and well
  /// within its wal_sender_timeout, as long as this is called often enough.
  /// Errors: kTransient when the connection is lost; the server's otherwise.
  Result<std::optional<WalMessage>> Next(std::chrono::milliseconds patience);

  /// What is durable in every sink up to `lsn`: the server may forget it. Never
  /// goes back. Thread-safe; sent with the next answer.
  void Confirm(Lsn lsn);
  Lsn confirmed() const { return Lsn{confirmed_.load()}; }

  /// Asks the server how far it has decoded; its keepalive is the answer. Not
  /// again before an answer or some time.
  Status Ping();
  /// For a thread that cannot call Next: answers the server when it is due.
  Status KeepAlive();
  /// Tells the server now what is confirmed: the last word of a stream.
  Status SendConfirmed() { return SendFeedback(false); }

 private:
  explicit WalConnection(Connection connection) : connection_(std::move(connection)) {}
  Status SendFeedback(bool wants_answer);
  Result<std::optional<WalMessage>> TakeMessage(const char* bytes, std::size_t size);
  Result<std::optional<WalMessage>> TakeArrived();
  void Wait(std::chrono::milliseconds patience);
  Error EndOfStream();

  using Buffer = std::unique_ptr<char, FreeWith<PQfreemem>>;

  Connection connection_;
  const Wakeup* wakeup_ = nullptr;
  Buffer buffer_;  // Of the message in hand.
  std::atomic<std::uint64_t> confirmed_{0};
  Lsn received_;
  int burst_ = 0;                             // Messages since the last wait.
  std::chrono::nanoseconds feedback_due_{0};  // Monotonic.
  std::chrono::nanoseconds feedback_every_{0};
  std::chrono::nanoseconds ping_due_{0};
};

}  // namespace afluente::postgres
