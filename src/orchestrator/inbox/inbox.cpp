#include "orchestrator/inbox/inbox.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <random>

#include "base/names.h"
#include "connectors/inbox/source.h"

namespace afluente::orchestrator {
namespace {

using std::chrono::microseconds;

// Ids outlive their messages. Numbers are never given twice.
constexpr const char* kCreate[] = {
    "CREATE TABLE IF NOT EXISTS inbox_ids (seq INTEGER PRIMARY KEY AUTOINCREMENT, "
    "feed TEXT NOT NULL, id TEXT NOT NULL, received_at INTEGER NOT NULL, UNIQUE (feed, id)) STRICT",
    "CREATE TABLE IF NOT EXISTS inbox_messages (seq INTEGER PRIMARY KEY, feed TEXT NOT NULL, "
    "bytes INTEGER NOT NULL, attributes TEXT NOT NULL, body TEXT NOT NULL) STRICT",
    "CREATE INDEX IF NOT EXISTS inbox_messages_feed ON inbox_messages (feed, seq, bytes)",
    "CREATE TABLE IF NOT EXISTS inbox_faults (seq INTEGER PRIMARY KEY, why TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS inbox_readers (integration TEXT PRIMARY KEY, feed TEXT NOT NULL, "
    "seq INTEGER NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS inbox_identity (identity TEXT NOT NULL) STRICT"};

std::string RandomName() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

std::string MicrosecondsOf(WallTime time) {
  return std::to_string(time.time_since_epoch().count());
}

void AddEvents(const Arrival& arrival, EventStore::Batch& batch) {
  for (const auto* reader : arrival.endpoint->readers) batch.everything.insert(reader->name);
  for (const auto* triggered : arrival.endpoint->triggered) {
    const auto key = arrival.keys.find(triggered->name);
    if (key == arrival.keys.end()) {
      batch.everything.insert(triggered->name);
    } else {
      batch.keys[triggered->name].insert(key->second);
    }
  }
}

}  // namespace

std::map<std::string, InboxEndpoint> EndpointsOf(const estate::Estate& estate) {
  std::map<std::string, InboxEndpoint> endpoints;
  const auto at = [&](bool is_topic, const std::string& name, const estate::Integration& from) {
    InboxEndpoint& endpoint = endpoints[is_topic ? "/topics/" + name : name];
    endpoint.path = is_topic ? "/topics/" + name : name;
    endpoint.feed = inbox::FeedOf(is_topic, name);
    endpoint.is_topic = is_topic;
    endpoint.secret = from.trigger.secret.empty() ? estate.inbox.secret : from.trigger.secret;
    endpoint.mark = from.trigger.mark.file.empty() ? from.source.mark : from.trigger.mark;
    return &endpoint;
  };
  for (const auto& [name, integration] : estate.integrations) {
    const estate::Source& source = integration.source;
    const estate::Trigger& trigger = integration.trigger;
    if (integration.mode == estate::Mode::kCdc) continue;
    const bool on_topic = trigger.kind == estate::Trigger::Kind::kTopic;
    if (inbox::ReadsInbox(integration)) {
      const bool is_topic = !source.topic.empty();
      auto* endpoint = at(is_topic, is_topic ? source.topic : source.webhook, integration);
      endpoint->readers.push_back(&integration);
      const auto connection = estate.connections.find(source.connection);
      if (connection != estate.connections.end()) endpoint->project = connection->second.project;
      if (estate::PubsubOf(estate, integration) == nullptr) continue;
      endpoint->subscription = source.subscription.empty()
                                   ? fmt::format("afluente.{}.{}", estate.name, source.topic)
                                   : source.subscription;
    } else if (on_topic || trigger.kind == estate::Trigger::Kind::kWebhook) {
      at(on_topic, trigger.subject, integration)->triggered.push_back(&integration);
    }
  }
  return endpoints;
}

std::string TopicName(const InboxEndpoint& endpoint) {
  constexpr std::string_view kTopics = "/topics/";
  return fmt::format("projects/{}/topics/{}", endpoint.project,
                     endpoint.path.substr(kTopics.size()));
}

struct Inbox::Waiting {
  std::span<const Arrival> arrivals;
  bool done = false;
  Result<std::vector<Receipt>> result = std::vector<Receipt>();
};

Result<std::unique_ptr<Inbox>> Inbox::Open(EventStore& events, const estate::Estate& estate,
                                           const Clock& clock) {
  std::unique_ptr<Inbox> opened(new Inbox(events, estate, clock));
  AFL_TRY(events.file().Transaction([&] { return opened->Prepare(); }));
  return opened;
}

Status Inbox::Prepare() {
  SqliteFile& file = events_.file();
  for (const char* statement : kCreate) AFL_TRY(file.Execute(statement));
  AFL_ASSIGN(auto identity, file.Select("SELECT identity FROM inbox_identity"));
  if (identity.empty()) {
    identity.push_back({RandomName()});
    AFL_TRY(file.Execute("INSERT INTO inbox_identity VALUES (?)", {identity[0][0]}));
  }
  identity_ = identity[0][0];
  AFL_TRY(DropReaders());
  AFL_ASSIGN(const auto bytes, file.Select("SELECT coalesce(sum(bytes), 0) FROM inbox_messages"));
  pending_bytes_ = std::stoull(bytes[0][0]);
  return Done{};
}

// What an integration that is no more, or reads something else, would keep for ever.
Status Inbox::DropReaders() {
  SqliteFile& file = events_.file();
  AFL_ASSIGN(const auto known, file.Select("SELECT integration, feed FROM inbox_readers"));
  std::map<std::string, std::string> readers;
  for (const auto& [name, integration] : estate_.integrations) {
    if (inbox::ReadsInbox(integration)) readers[name] = inbox::FeedOf(integration);
  }
  for (const auto& row : known) {
    const auto found = readers.find(row[0]);
    if (found != readers.end() && found->second == row[1]) continue;
    AFL_TRY(file.Execute("DELETE FROM inbox_readers WHERE integration = ?", {row[0]}));
  }
  for (const auto& [name, feed] : readers) {
    AFL_TRY(file.Execute("INSERT OR IGNORE INTO inbox_readers VALUES (?, ?, 0)", {name, feed}));
    AFL_ASSIGN(arrived_up_to_[feed], ReadUpTo(feed));
  }
  AFL_ASSIGN(const auto feeds, file.Select("SELECT DISTINCT feed FROM inbox_messages"));
  for (const auto& row : feeds) {
    AFL_ASSIGN(const std::uint64_t bytes, DeleteRead(row[0]));
    const bool is_read = std::any_of(readers.begin(), readers.end(),
                                     [&](const auto& reader) { return reader.second == row[0]; });
    if (is_read || bytes == 0) continue;
    spdlog::warn(
        "inbox: no integration reads {} any more; {} bytes of messages that waited for one "
        "are dropped",
        row[0], bytes);
  }
  return Done{};
}

// Returns how many bytes went.
Result<std::uint64_t> Inbox::DeleteRead(const std::string& feed) {
  SqliteFile& file = events_.file();
  const std::string read =
      "FROM inbox_messages WHERE feed = ?1 AND seq <= (SELECT coalesce(min(seq), "
      "9223372036854775807) FROM inbox_readers WHERE feed = ?1)";
  AFL_ASSIGN(const auto bytes, file.Select("SELECT coalesce(sum(bytes), 0) " + read, {feed}));
  AFL_TRY(file.Execute("DELETE FROM inbox_faults WHERE seq IN (SELECT seq " + read + ")", {feed}));
  AFL_TRY(file.Execute("DELETE " + read, {feed}));
  return std::stoull(bytes[0][0]);
}

Result<std::int64_t> Inbox::ReadUpTo(const std::string& feed) {
  AFL_ASSIGN(const auto rows,
             events_.file().Select("SELECT min(seq) FROM inbox_readers WHERE feed = ?", {feed}));
  return std::stoll(rows[0][0]);
}

Result<std::vector<Inbox::Receipt>> Inbox::Take(std::span<const Arrival> arrivals) {
  Waiting mine{.arrivals = arrivals};
  std::unique_lock lock(mutex_);
  waiting_.push_back(&mine);
  // Whoever finds nobody writing writes for all that wait; they are as many as
  // came while the last one waited for the disk.
  while (!mine.done) {
    if (writing_) {
      written_.wait(lock);
      continue;
    }
    writing_ = true;
    const std::vector<Waiting*> group = std::exchange(waiting_, {});
    lock.unlock();
    Commit(group);
    lock.lock();
    writing_ = false;
    for (Waiting* waiting : group) waiting->done = true;
    written_.notify_all();
  }
  return mine.result;
}

void Inbox::Commit(const std::vector<Waiting*>& group) {
  std::uint64_t bytes = 0;
  const Status committed = Guarded([&] {
    return events_.Record([&]() -> Result<EventStore::Batch> {
      EventStore::Batch batch;
      AFL_TRY(ForgetIds());
      for (Waiting* waiting : group) {
        AFL_TRY(StoreAll(*waiting, batch, bytes));
      }
      // With the file held: what is read meanwhile is not counted twice.
      const std::lock_guard lock(mutex_);
      pending_bytes_ += bytes;
      return batch;
    });
  });
  if (committed.ok()) return;
  spdlog::error("inbox: {}", committed.error().message());
  const std::lock_guard lock(mutex_);
  pending_bytes_ -= std::min(bytes, pending_bytes_);
  for (Waiting* waiting : group) {
    waiting->result =
        Error(ErrorKind::kTransient, "the inbox cannot store messages; its log says why");
  }
}

// All of one sender's messages, or none and the reason in its result.
Status Inbox::StoreAll(Waiting& waiting, EventStore::Batch& batch, std::uint64_t& bytes) {
  SqliteFile& file = events_.file();
  const std::uint64_t bytes_before = bytes;
  std::vector<Receipt> receipts;
  AFL_TRY(file.Execute("SAVEPOINT sender"));
  for (const Arrival& arrival : waiting.arrivals) {
    auto receipt = Store(arrival, bytes);
    if (!receipt.ok()) {
      if (std::as_const(receipt).error().kind() != ErrorKind::kTransient) {
        return std::move(receipt).error();
      }
      waiting.result = std::move(receipt).error();
      bytes = bytes_before;
      AFL_TRY(file.Execute("ROLLBACK TO sender"));
      AFL_TRY(file.Execute("RELEASE sender"));
      return Done{};
    }
    receipts.push_back(receipt.value());
  }
  AFL_TRY(file.Execute("RELEASE sender"));
  for (std::size_t i = 0; i < receipts.size(); ++i) {
    if (receipts[i].is_new) AddEvents(waiting.arrivals[i], batch);
  }
  waiting.result = std::move(receipts);
  return Done{};
}

Result<Inbox::Receipt> Inbox::Store(const Arrival& arrival, std::uint64_t& bytes) {
  SqliteFile& file = events_.file();
  const InboxEndpoint& endpoint = *arrival.endpoint;
  const std::uint64_t size = arrival.body.size() + arrival.attributes.size();
  AFL_ASSIGN(const auto added,
             file.Select("INSERT OR IGNORE INTO inbox_ids (feed, id, received_at) "
                         "VALUES (?, ?, CAST(? AS INTEGER)) RETURNING seq",
                         {endpoint.feed, arrival.id, MicrosecondsOf(clock_.Now())}));
  if (added.empty()) {
    AFL_ASSIGN(const auto known, file.Select("SELECT seq FROM inbox_ids WHERE feed = ? AND id = ?",
                                             {endpoint.feed, arrival.id}));
    return Receipt{std::stoll(known[0][0]), false};
  }
  const std::string& seq = added[0][0];
  if (!endpoint.readers.empty()) {
    if (pending_bytes() + bytes + size > static_cast<std::uint64_t>(estate_.inbox.max_pending)) {
      return Error(ErrorKind::kTransient, "too much waits in the inbox (inbox.max_pending)");
    }
    AFL_TRY(
        file.Execute("INSERT INTO inbox_messages (seq, feed, bytes, attributes, body) VALUES "
                     "(CAST(? AS INTEGER), ?, CAST(? AS INTEGER), ?, ?)",
                     {seq, endpoint.feed, std::to_string(size), arrival.attributes, arrival.body}));
    if (!arrival.fault.empty()) {
      AFL_TRY(file.Execute("INSERT INTO inbox_faults VALUES (CAST(? AS INTEGER), ?)",
                           {seq, arrival.fault}));
    }
    bytes += size;
  }
  return Receipt{std::stoll(seq), true};
}

// Ids in the order of their numbers are in the order of their times, but for a
// clock that was set.
Status Inbox::ForgetIds() {
  constexpr std::chrono::minutes kEvery{1};
  constexpr std::chrono::days kRemembered{7};
  const std::chrono::nanoseconds now = clock_.Monotonic();
  if (forgot_ids_at_.count() != 0 && now - forgot_ids_at_ < kEvery) return Done{};
  forgot_ids_at_ = now;
  AFL_TRY(events_.file().Execute(
      "DELETE FROM inbox_ids WHERE seq IN (SELECT seq FROM inbox_ids ORDER BY seq LIMIT 50000) "
      "AND received_at < CAST(? AS INTEGER) "
      "AND seq < (SELECT coalesce(min(seq), 9223372036854775807) FROM inbox_messages)",
      {MicrosecondsOf(clock_.Now() - kRemembered)}));
  return Done{};
}

Status Inbox::Arrived(const estate::Integration& integration, std::int64_t seq) {
  const std::string feed = inbox::FeedOf(integration);
  std::int64_t up_to = 0;
  const Status recorded = events_.file().Transaction([&]() -> Status {
    AFL_TRY(events_.file().Execute("REPLACE INTO inbox_readers VALUES (?, ?, CAST(? AS INTEGER))",
                                   {integration.name, feed, std::to_string(seq)}));
    AFL_ASSIGN(const std::uint64_t bytes, DeleteRead(feed));
    AFL_ASSIGN(up_to, ReadUpTo(feed));
    const std::lock_guard lock(mutex_);
    pending_bytes_ -= std::min(bytes, pending_bytes_);
    return Done{};
  });
  AFL_TRY(recorded);
  const std::lock_guard lock(mutex_);
  arrived_up_to_[feed] = up_to;
  arrived_.notify_all();
  return Done{};
}

std::int64_t Inbox::WaitForArrival(const std::string& feed, std::int64_t seq,
                                   std::chrono::milliseconds at_most, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto up_to = [&] {
    const auto found = arrived_up_to_.find(feed);
    return found == arrived_up_to_.end() ? std::numeric_limits<std::int64_t>::max() : found->second;
  };
  arrived_.wait_for(lock, stop, at_most, [&] { return up_to() > seq; });
  return up_to();
}

Result<std::uint64_t> Inbox::Pending(const estate::Integration& integration) {
  AFL_ASSIGN(
      const auto rows,
      events_.file().Select("SELECT count(*) FROM inbox_messages WHERE feed = ? AND seq > (SELECT "
                            "coalesce(max(seq), 0) FROM inbox_readers WHERE integration = ?)",
                            {inbox::FeedOf(integration), integration.name}));
  return std::stoull(rows[0][0]);
}

std::uint64_t Inbox::pending_bytes() const {
  const std::lock_guard lock(mutex_);
  return pending_bytes_;
}

Result<Inbox::Extent> Inbox::ExtentAfter(const std::string& feed, std::int64_t seq,
                                         std::uint64_t limit) {
  AFL_ASSIGN(const auto rows,
             events_.file().Select(
                 fmt::format("SELECT coalesce(max(seq), 0), count(*), coalesce(sum(bytes), 0) FROM "
                             "(SELECT seq, bytes FROM inbox_messages WHERE feed = ? AND seq > "
                             "CAST(? AS INTEGER) ORDER BY seq LIMIT {})",
                             limit),
                 {feed, std::to_string(seq)}));
  return Extent{std::stoll(rows[0][0]), std::stoull(rows[0][1]), std::stoull(rows[0][2])};
}

// The index has the sizes: what does not fit is not read.
Result<std::vector<inbox::Message>> Inbox::Page(const std::string& feed, std::int64_t seq,
                                                std::int64_t last) {
  constexpr std::size_t kBytesMax = std::size_t{8} << 20U;
  constexpr int kRowsMax = 2048;
  const std::vector<std::string> range = {feed, std::to_string(seq), std::to_string(last)};
  SqliteFile& file = events_.file();
  AFL_ASSIGN(const auto sizes,
             file.Select(fmt::format("SELECT seq, bytes FROM inbox_messages WHERE feed = ? AND seq "
                                     "> CAST(? AS INTEGER) AND seq <= CAST(? AS INTEGER) ORDER BY "
                                     "seq LIMIT {}",
                                     kRowsMax),
                         range));
  std::vector<inbox::Message> page;
  if (sizes.empty()) return page;
  std::size_t bytes = 0;
  std::string until = sizes.front()[0];
  for (const auto& row : sizes) {
    bytes += std::stoull(row[1]);
    if (bytes > kBytesMax) break;
    until = row[0];
  }
  AFL_ASSIGN(const auto rows,
             file.Select("SELECT m.seq, i.id, i.received_at, m.attributes, m.body, f.why "
                         "FROM inbox_messages m JOIN inbox_ids i USING (seq) LEFT JOIN "
                         "inbox_faults f USING (seq) WHERE m.feed = ? AND m.seq "
                         "> CAST(? AS INTEGER) AND m.seq <= CAST(? AS INTEGER) ORDER BY m.seq",
                         {feed, range[1], until}));
  for (const auto& row : rows) {
    page.push_back({std::stoll(row[0]), row[1], WallTime(microseconds(std::stoll(row[2]))), row[3],
                    row[4], row[5]});
  }
  return page;
}

}  // namespace afluente::orchestrator
