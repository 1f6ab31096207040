#include "pipeline/follow.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace afluente::pipeline {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Applies one set at a time on a thread of its own, so that the next one can be
// folded meanwhile.
class Applier {
 public:
  Applier(ChangeSource& source, ChangeSink& sink, const Clock& clock,
          const std::function<void(const Applied&)>& on_applied)
      : source_(source), sink_(sink), clock_(clock), on_applied_(on_applied) {
    thread_ = std::thread([this] { Work(); });
  }
  // Finishes what it has begun.
  ~Applier() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Applier(const Applier&) = delete;
  Applier& operator=(const Applier&) = delete;

  bool is_idle() const {
    const std::lock_guard lock(mutex_);
    return !set_ && !failed_;
  }

  /// How long the last set took.
  nanoseconds last_took() const { return last_took_.load(); }

  /// The first failure, if there was one.
  Status status() const {
    const std::lock_guard lock(mutex_);
    if (failed_) return *failed_;
    return Done{};
  }

  /// True when it became idle or failed within `patience`.
  bool WaitForIdle(milliseconds patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return !set_ || failed_; });
  }

  /// Must be idle.
  void Apply(ChangeSet set) {
    {
      const std::lock_guard lock(mutex_);
      set_ = std::move(set);
    }
    changed_.notify_all();
  }

 private:
  Status ApplyOne(ChangeSet& set) {
    const nanoseconds began = clock_.Monotonic();
    AFL_TRY(sink_.Apply(set));
    if (set.end) AFL_TRY(source_.Confirm(*set.end));
    last_took_ = clock_.Monotonic() - began;
    on_applied_({set, last_took_.load()});
    return Done{};
  }

  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return set_ || closed_; });
      if (!set_ || failed_) return;
      ChangeSet& set = *set_;  // Nobody replaces it before it is reset.
      lock.unlock();
      Status status = Guarded([&] { return ApplyOne(set); });
      lock.lock();
      if (!status.ok()) failed_ = std::move(status).error();
      set_.reset();
      changed_.notify_all();
      source_.Wake();
    }
  }

  ChangeSource& source_;
  ChangeSink& sink_;
  const Clock& clock_;
  const std::function<void(const Applied&)>& on_applied_;
  std::atomic<nanoseconds> last_took_{nanoseconds(0)};
  mutable std::mutex mutex_;  // Guards everything below.
  std::condition_variable changed_;
  std::optional<ChangeSet> set_;
  std::optional<Error> failed_;
  bool closed_ = false;
  std::thread thread_;
};

class Follower {
 public:
  Follower(ChangeSource& source, ChangeSink& sink, const FollowOptions& options, const Clock& clock,
           const std::function<void(const Applied&)>& on_applied)
      : source_(source),
        options_(options),
        clock_(clock),
        on_applied_(on_applied),
        applier_(source, sink, clock, on_applied),
        stored_(source.position()),
        told_(stored_) {}

  Status Run(const std::stop_token& stop) {
    const std::stop_callback wake(stop, [&] { source_.Wake(); });
    stored_at_ = clock_.Monotonic();
    while (!stop.stop_requested()) {
      AFL_ASSIGN(const auto state, source_.Pump(Patience()));
      AFL_TRY(applier_.status());
      if (state == ChangeSource::State::kMustTake) {
        AFL_TRY(WaitForApplier(stop));
        HandOver();
      } else if (source_.between_transactions() && applier_.is_idle()) {
        if (IsDue()) HandOver();
        if (options_.until_caught_up && source_.caught_up() && !source_.has_changes()) {
          return Finish(stop);
        }
        TellReached();
      }
    }
    return Error(ErrorKind::kCancelled, "stopped");
  }

 private:
  // How long Pump may wait for input: until a set that waits is due.
  milliseconds Patience() const {
    constexpr milliseconds kIdle{1'000};
    if (!HasWork() || !applier_.is_idle()) return kIdle;
    const auto due = DueAt() - clock_.Monotonic();
    return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(due));
  }

  bool HasWork() const { return source_.has_changes() || source_.has_mark(); }

  // A set costs about as much however large it is, until it is very large: with
  // a backlog, sets that take long come seldom, and grow.
  nanoseconds DueAt() const {
    return handed_over_at_ + std::max<nanoseconds>(options_.apply_every, applier_.last_took() * 4);
  }

  bool IsDue() const {
    const nanoseconds now = clock_.Monotonic();
    if (HasWork()) return now >= DueAt();
    return now >= stored_at_ + options_.store_every && !(source_.position() == stored_);
  }

  // A place that is reached without changes needs no commit to be true: a source
  // whose other tables change is not behind until its place is stored.
  void TellReached() {
    if (options_.until_caught_up || HasWork() || !applier_.is_idle()) return;
    ChangeSet reached;
    reached.end = source_.position();
    if (*reached.end == told_) return;
    told_ = *reached.end;
    on_applied_({reached});
  }

  void HandOver() {
    ChangeSet set = source_.Take();
    handed_over_at_ = clock_.Monotonic();
    if (set.end) {
      stored_ = *set.end;
      told_ = stored_;
      stored_at_ = handed_over_at_;
    }
    applier_.Apply(std::move(set));
  }

  Status WaitForApplier(const std::stop_token& stop) {
    constexpr milliseconds kBetweenSigns{200};
    while (!applier_.WaitForIdle(kBetweenSigns)) {
      AFL_TRY(source_.KeepAlive());
      if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
    }
    return applier_.status();
  }

  // The position that was reached without changes counts too.
  Status Finish(const std::stop_token& stop) {
    if (!(source_.position() == stored_)) HandOver();
    return WaitForApplier(stop);
  }

  ChangeSource& source_;
  const FollowOptions& options_;
  const Clock& clock_;
  const std::function<void(const Applied&)>& on_applied_;
  Applier applier_;
  data::Position stored_;
  data::Position told_;
  nanoseconds stored_at_{0};
  nanoseconds handed_over_at_{0};
};

}  // namespace

Status Follow(ChangeSource& source, ChangeSink& sink, const FollowOptions& options,
              const Clock& clock, const std::function<void(const Applied&)>& on_applied,
              const std::stop_token& stop) {
  Follower follower(source, sink, options, clock, on_applied);
  return follower.Run(stop);
}

}  // namespace afluente::pipeline
