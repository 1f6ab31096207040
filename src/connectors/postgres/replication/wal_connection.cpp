#include "connectors/postgres/replication/wal_connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/clock.h"
#include "base/names.h"
#include "connectors/postgres/big_endian.h"
#include "connectors/postgres/epoch.h"

namespace afluente::postgres {
namespace {

using std::chrono::milliseconds;

// The server ends a connection that says nothing for wal_sender_timeout; 0: never.
Result<milliseconds> SenderTimeout(PGconn* connection) {
  AFL_ASSIGN(const QueryResult row, Query(connection,
                                          "SELECT setting FROM pg_catalog.pg_settings WHERE name = "
                                          "'wal_sender_timeout'"));
  return milliseconds(PQntuples(row.get()) == 0 ? 0 : std::atoll(PQgetvalue(row.get(), 0, 0)));
}

}  // namespace

int ProtocolVersion(int server_version) {
  constexpr int kMajor = 10'000;
  constexpr int kOldest = 1;  // Of PostgreSQL 10.
  constexpr int kNewest = 4;  // Of PostgreSQL 16.
  return std::clamp(server_version / kMajor - 12, kOldest, kNewest);
}

Result<std::unique_ptr<Wakeup>> Wakeup::Make() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return Error(ErrorKind::kInternal, "no event descriptor left");
  return std::unique_ptr<Wakeup>(new Wakeup(fd));
}

Wakeup::~Wakeup() { close(fd_); }

// A full counter wakes as well; so failing writes and reads are fine.
void Wakeup::Signal() const { (void)!eventfd_write(fd_, 1); }

void Wakeup::Drain() const {
  eventfd_t count = 0;
  (void)!eventfd_read(fd_, &count);
}

Result<std::unique_ptr<WalConnection>> WalConnection::Open(const Endpoint& endpoint) {
  std::vector<Parameter> parameters = endpoint.overrides;
  parameters.push_back({"replication", "database"});
  AFL_ASSIGN(Connection connection, Connect(endpoint.dsn, parameters));
  AFL_ASSIGN(const milliseconds timeout, SenderTimeout(connection.get()));
  std::unique_ptr<WalConnection> wal(new WalConnection(std::move(connection)));
  constexpr milliseconds kAtLeastEvery{10'000};
  wal->feedback_every_ = timeout.count() > 0 ? std::min(timeout / 3, kAtLeastEvery) : kAtLeastEvery;
  return wal;
}

Result<NewSlot> WalConnection::CreateSlot(const std::string& name, bool temporary,
                                          const std::stop_token& stop) {
  const CancelOnStop cancel(connection_.get(), stop);
  auto made =
      Query(connection_.get(), fmt::format("CREATE_REPLICATION_SLOT {}{} LOGICAL pgoutput "
                                           "EXPORT_SNAPSHOT",
                                           QuoteIdentifier(name), temporary ? " TEMPORARY" : ""));
  if (!made.ok() && stop.stop_requested()) {
    return Error(ErrorKind::kCancelled, "stopped while the slot waited for open transactions");
  }
  AFL_ASSIGN(const QueryResult row, std::move(made));
  const auto point = ParseLsn(Text(row, 0, 1));
  if (!point) return Error(ErrorKind::kInternal, "the server names no place for the new slot");
  return NewSlot{*point, Text(row, 0, 2)};
}

Status WalConnection::Start(const StreamOptions& options, const Wakeup& wakeup) {
  wakeup_ = &wakeup;
  std::string names;
  for (const std::string& publication : options.publications) {
    names += (names.empty() ? "" : ",") + QuoteIdentifier(publication);
  }
  std::string arguments =
      fmt::format("proto_version '{}', publication_names '{}'", options.protocol_version, names);
  if (options.protocol_version >= 2) arguments += ", messages 'true', streaming 'true'";
  if (options.binary) arguments += ", binary 'true'";
  const QueryResult started(
      PQexec(connection_.get(),
             fmt::format("START_REPLICATION SLOT {} LOGICAL {} ({})", QuoteIdentifier(options.slot),
                         options.from.ToString(), arguments)
                 .c_str()));
  if (PQresultStatus(started.get()) != PGRES_COPY_BOTH) {
    return ErrorOf(connection_.get(), started.get());
  }
  Confirm(options.from);
  received_ = options.from;
  feedback_due_ = SystemClock().Monotonic() + feedback_every_;
  return Done{};
}

void WalConnection::Confirm(Lsn lsn) {
  std::uint64_t known = confirmed_.load();
  while (known < lsn.value && !confirmed_.compare_exchange_weak(known, lsn.value)) {
  }
}

// The wait ends early for the wakeup, and in time for the next feedback.
void WalConnection::Wait(milliseconds patience) {
  std::array<pollfd, 2> waited{pollfd{PQsocket(connection_.get()), POLLIN, 0},
                               pollfd{wakeup_->fd(), POLLIN, 0}};
  const auto until_feedback = std::chrono::ceil<milliseconds>(
      std::max(feedback_due_ - SystemClock().Monotonic(), std::chrono::nanoseconds(0)));
  poll(waited.data(), waited.size(), static_cast<int>(std::min(patience, until_feedback).count()));
  if (waited[1].revents != 0) wakeup_->Drain();
}

// The next message that has arrived as a whole; without waiting.
Result<std::optional<WalMessage>> WalConnection::TakeArrived() {
  for (bool read = false;; read = true) {
    char* bytes = nullptr;
    const int size = PQgetCopyData(connection_.get(), &bytes, 1);
    buffer_.reset(bytes);
    if (size > 0) return TakeMessage(bytes, static_cast<std::size_t>(size));
    if (size < 0) return EndOfStream();
    if (read) return std::optional<WalMessage>();
    if (PQconsumeInput(connection_.get()) == 0) {
      return Error(ErrorKind::kTransient, PQerrorMessage(connection_.get()));
    }
  }
}

Result<std::optional<WalMessage>> WalConnection::Next(milliseconds patience) {
  AFL_ASSIGN(auto arrived, TakeArrived());
  // In the middle of a burst the server writes message by message; to be woken
  // for each would cost both sides more than the messages do.
  constexpr int kBurst = 16;
  constexpr std::chrono::microseconds kNap{200};
  if (!arrived && burst_ >= kBurst) {
    Pause(kNap);
    burst_ = 0;
    AFL_ASSIGN(arrived, TakeArrived());
  }
  if (!arrived) {
    AFL_TRY(KeepAlive());
    if (patience.count() == 0) return arrived;
    Wait(patience);
    burst_ = 0;
    AFL_ASSIGN(arrived, TakeArrived());
  }
  ++burst_;
  return arrived;
}

Result<std::optional<WalMessage>> WalConnection::TakeMessage(const char* bytes, std::size_t size) {
  constexpr std::size_t kDataHeader = 1 + 3 * 8;
  constexpr std::size_t kKeepaliveSize = 1 + 2 * 8 + 1;
  WalMessage message;
  if (bytes[0] == 'w' && size > kDataHeader) {
    message.start = Lsn{ReadBigEndian<std::uint64_t>(bytes + 1)};
    message.wal_end = Lsn{ReadBigEndian<std::uint64_t>(bytes + 9)};
    message.payload = {bytes + kDataHeader, size - kDataHeader};
    received_ = std::max(received_, message.start);
  } else if (bytes[0] == 'k' && size == kKeepaliveSize) {
    message.is_keepalive = true;
    ping_due_ = {};
    message.wal_end = Lsn{ReadBigEndian<std::uint64_t>(bytes + 1)};
    received_ = std::max(received_, message.wal_end);
    if (bytes[kKeepaliveSize - 1] != 0) feedback_due_ = {};
  } else {
    return Error(ErrorKind::kInternal, "the replication stream has a message of unknown kind");
  }
  if (message.is_keepalive) AFL_TRY(KeepAlive());
  return std::optional(message);
}

Error WalConnection::EndOfStream() {
  while (const QueryResult result{PQgetResult(connection_.get())}) {
    if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR) {
      return ErrorOf(connection_.get(), result.get());
    }
    if (PQresultStatus(result.get()) == PGRES_COPY_BOTH) break;
  }
  return {ErrorKind::kTransient, "the server ended the replication stream"};
}

Status WalConnection::KeepAlive() {
  if (SystemClock().Monotonic() < feedback_due_) return Done{};
  return SendFeedback(false);
}

Status WalConnection::Ping() {
  constexpr std::chrono::milliseconds kPatience{100};
  const auto now = SystemClock().Monotonic();
  if (now < ping_due_) return Done{};
  ping_due_ = now + kPatience;
  return SendFeedback(true);
}

Status WalConnection::SendFeedback(bool wants_answer) {
  const std::uint64_t durable = confirmed_.load();
  std::string answer = "r";
  AppendBigEndian(std::max(received_.value, durable), answer);  // Written,
  AppendBigEndian(durable, answer);                             // flushed
  AppendBigEndian(durable, answer);                             // and applied.
  AppendBigEndian(SystemClock().Now().time_since_epoch().count() - kEpochMicros, answer);
  answer += static_cast<char>(wants_answer ? 1 : 0);
  feedback_due_ = SystemClock().Monotonic() + feedback_every_;
  if (PQputCopyData(connection_.get(), answer.data(), static_cast<int>(answer.size())) == 1 &&
      PQflush(connection_.get()) == 0) {
    return Done{};
  }
  return Error(ErrorKind::kTransient, PQerrorMessage(connection_.get()));
}

}  // namespace afluente::postgres
