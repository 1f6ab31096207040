#include "orchestrator/inbox/subscriptions.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

#include "base/stop_after.h"
#include "connectors/google/grpc.h"
#include "orchestrator/inbox/read_message.h"

namespace afluente::orchestrator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Short, since what a crash leaves waits for its end; two extensions may fail.
constexpr seconds kAckDeadline{30};
constexpr seconds kExtendEvery{10};
constexpr std::int64_t kMessagesMax = 50'000;
constexpr std::int64_t kBytesMax = std::int64_t{64} << 20U;

// Longer and longer, up to a minute.
class BackOff {
 public:
  void Wait(const std::stop_token& stop) {
    Rest(stop, next_);
    next_ = std::min(2 * next_, milliseconds(kLongest));
  }
  void Reset() { next_ = kFirst; }

 private:
  static constexpr milliseconds kFirst{250};
  static constexpr milliseconds kLongest{60'000};
  milliseconds next_ = kFirst;
};

}  // namespace

// One thread takes what is delivered into the inbox, the other one acknowledges what has arrived
// and keeps the rest from being delivered again.
class Subscriptions::Puller {
 public:
  Puller(const InboxEndpoint& topic, std::string subscription,
         std::unique_ptr<pubsub::Subscription> opened, Inbox& inbox, const Clock& clock)
      : topic_(topic),
        subscription_(std::move(subscription)),
        opened_(std::move(opened)),
        inbox_(inbox),
        clock_(clock),
        acknowledging_([this](const std::stop_token& stop) { Acknowledge(stop); }),
        pulling_([this](const std::stop_token& stop) { Pull(stop); }) {}

  SubscriptionReport Report() const {
    const std::lock_guard lock(mutex_);
    std::uint64_t outstanding = 0;
    for (const Batch& batch : outstanding_) outstanding += batch.ack_ids.size();
    return {topic_.feed, subscription_, received_, outstanding, error_};
  }

 private:
  // What came in one answer.
  struct Batch {
    std::vector<std::string> ack_ids;
    std::optional<std::int64_t> last;  // The largest number; not yet: it is not yet durable here.
  };

  void Pull(const std::stop_token& stop) {
    BackOff back_off;
    bool is_ensured = false;
    while (!stop.stop_requested()) {
      const Status pulled = Guarded([&]() -> Status {
        if (!is_ensured) {
          AFL_TRY(opened_->Ensure(stop));
          Tell(Done{});  // The first message may take its time.
        }
        is_ensured = true;
        AFL_ASSIGN(auto deliveries, opened_->Next(stop));
        return TakeIn(std::move(deliveries), stop);
      });
      if (stop.stop_requested()) return;
      Tell(pulled);
      is_ensured = pulled.ok();  // Else somebody may have dropped the subscription.
      if (is_ensured) {
        back_off.Reset();
      } else {
        back_off.Wait(stop);
      }
    }
  }

  // Waits while the inbox is full: what is not taken is not asked for again.
  Status TakeIn(std::vector<pubsub::Delivery> deliveries, const std::stop_token& stop) {
    std::vector<Arrival> arrivals;
    Batch batch;
    for (pubsub::Delivery& delivery : deliveries) {
      batch.ack_ids.push_back(std::move(delivery.ack_id));
      arrivals.push_back(ReadPublished(topic_, std::move(delivery.message)));
    }
    if (arrivals.empty()) return Done{};
    std::unique_lock lock(mutex_);
    received_ += arrivals.size();
    Batch& here = outstanding_.emplace_back(std::move(batch));
    lock.unlock();
    BackOff back_off;
    for (;;) {
      auto receipts = inbox_.Take(arrivals);
      if (!receipts.ok()) {
        Tell(std::move(receipts).error());
        back_off.Wait(stop);
        if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
        continue;
      }
      std::int64_t last = 0;
      for (const Inbox::Receipt& receipt : receipts.value()) last = std::max(last, receipt.seq);
      lock.lock();
      here.last = last;
      taken_.notify_all();
      return Done{};
    }
  }

  void Acknowledge(const std::stop_token& stop) {
    BackOff back_off;
    auto extended_at = clock_.Monotonic();
    while (!stop.stop_requested()) {
      const std::int64_t first = WaitForFirst(stop);
      const std::int64_t arrived =
          inbox_.WaitForArrival(topic_.feed, first - 1, kExtendEvery, stop);
      if (stop.stop_requested()) return;
      const auto now = clock_.Monotonic();
      const bool extends = now - extended_at >= kExtendEvery;
      const Status done = Guarded([&]() -> Status {
        AFL_TRY(AcknowledgeUpTo(arrived, stop));
        if (!extends) return Done{};
        extended_at = now;
        return opened_->Extend(AckIds([](const Batch&) { return true; }), stop);
      });
      if (done.ok() || stop.stop_requested()) {
        back_off.Reset();
        continue;
      }
      Tell(done);
      back_off.Wait(stop);
    }
  }

  // The smallest number that something waits for; the largest there is while nothing is durable.
  std::int64_t WaitForFirst(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    std::int64_t first = std::numeric_limits<std::int64_t>::max();
    const auto is_there = [&] {
      for (const Batch& batch : outstanding_) first = std::min(first, batch.last.value_or(first));
      return first != std::numeric_limits<std::int64_t>::max();
    };
    // What waits for room in a full inbox has its deadline extended meanwhile.
    if (!taken_.wait_for(lock, stop, kExtendEvery, is_there)) return 1;
    return first;
  }

  template <class Which>
  std::vector<std::string> AckIds(const Which& which) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> ids;
    for (const Batch& batch : outstanding_) {
      if (which(batch)) ids.insert(ids.end(), batch.ack_ids.begin(), batch.ack_ids.end());
    }
    return ids;
  }

  Status AcknowledgeUpTo(std::int64_t arrived, const std::stop_token& stop) {
    const auto has_arrived = [&](const Batch& batch) {
      return batch.last && *batch.last <= arrived;
    };
    const auto ids = AckIds(has_arrived);
    if (ids.empty()) return Done{};
    const Status acknowledged = opened_->Acknowledge(ids, stop);
    // One that came too late is delivered again, and known.
    const bool again = !acknowledged.ok() && acknowledged.error().kind() == ErrorKind::kTransient;
    if (again || stop.stop_requested()) return acknowledged;
    const std::lock_guard lock(mutex_);
    outstanding_.remove_if(has_arrived);
    return acknowledged;
  }

  void Tell(const Status& status) {
    std::string error = status.ok() ? std::string() : status.error().message();
    const std::lock_guard lock(mutex_);
    if (error == error_) return;
    if (error.empty()) {
      spdlog::info("{}: {} answers again", topic_.feed, subscription_);
    } else {
      spdlog::warn("{}: {}; trying again", topic_.feed, error);
    }
    error_ = std::move(error);
  }

  const InboxEndpoint& topic_;
  const std::string subscription_;
  const std::unique_ptr<pubsub::Subscription> opened_;
  Inbox& inbox_;
  const Clock& clock_;
  mutable std::mutex mutex_;  // Guards what follows.
  std::condition_variable_any taken_;
  std::list<Batch> outstanding_;
  std::uint64_t received_ = 0;
  std::string error_;
  std::jthread acknowledging_;
  std::jthread pulling_;  // Last: joined first.
};

Result<std::unique_ptr<Subscriptions>> Subscriptions::Open(const estate::Estate& estate,
                                                           Inbox& inbox, const Clock& clock) {
  std::unique_ptr<Subscriptions> opened(new Subscriptions());
  opened->endpoints_ = EndpointsOf(estate);
  std::erase_if(opened->endpoints_,
                [](const auto& entry) { return entry.second.subscription.empty(); });
  if (opened->endpoints_.empty()) return opened;
  AFL_ASSIGN(const google::Grpc* const grpc, google::LoadGrpc());
  AFL_ASSIGN(const google::Endpoint endpoint,
             google::EndpointOf("pubsub.googleapis.com:443", "PUBSUB_EMULATOR_HOST", clock));
  for (const auto& [path, topic] : opened->endpoints_) {
    pubsub::PullOptions options;
    options.subscription =
        fmt::format("projects/{}/subscriptions/{}", topic.project, topic.subscription);
    options.topic = TopicName(topic);
    options.messages_max = kMessagesMax;
    options.bytes_max = std::min(kBytesMax, estate.inbox.max_pending);
    options.ack_deadline = kAckDeadline;
    opened->pullers_.push_back(std::make_unique<Puller>(
        topic, options.subscription, grpc->OpenSubscription(endpoint, options), inbox, clock));
  }
  return opened;
}

Subscriptions::~Subscriptions() = default;

std::vector<SubscriptionReport> Subscriptions::Reports() const {
  std::vector<SubscriptionReport> reports;
  for (const auto& puller : pullers_) reports.push_back(puller->Report());
  return reports;
}

}  // namespace afluente::orchestrator
