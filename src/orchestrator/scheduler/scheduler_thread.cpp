#include "orchestrator/scheduler/scheduler_thread.h"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace afluente::orchestrator {
namespace {

// Time 0 would disarm the timer; what is in the past fires at once.
void Arm(int timer, int flags, std::chrono::nanoseconds at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  itimerspec spec = {};
  spec.it_value.tv_sec = std::max<std::int64_t>(seconds.count(), 0);
  spec.it_value.tv_nsec = std::max<std::int64_t>((at - seconds).count(), 1);
  timerfd_settime(timer, TFD_TIMER_ABSTIME | flags, &spec, nullptr);
}

void Drain(int file) {
  std::uint64_t count = 0;
  // ECANCELED: the clock was set, which is a reason to look as well.
  (void)!read(file, &count, sizeof count);
}

}  // namespace

Result<std::unique_ptr<SchedulerAlarm>> SchedulerAlarm::Open() {
  const int wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const int wall = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  const int monotonic = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (wakeup < 0 || wall < 0 || monotonic < 0) {
    return Error(ErrorKind::kInternal,
                 fmt::format("the scheduler gets no timers: {}", std::strerror(errno)));
  }
  return std::unique_ptr<SchedulerAlarm>(new SchedulerAlarm(wakeup, wall, monotonic));
}

SchedulerAlarm::~SchedulerAlarm() {
  close(wakeup_);
  close(wall_);
  close(monotonic_);
}

void SchedulerAlarm::Wake() const { eventfd_write(wakeup_, 1); }

void SchedulerAlarm::WaitFor(const NextTick& next) const {
  if (next.at) Arm(wall_, TFD_TIMER_CANCEL_ON_SET, next.at->time_since_epoch());
  if (next.timer) Arm(monotonic_, 0, *next.timer);
  std::array<pollfd, 3> files = {pollfd{wakeup_, POLLIN, 0},
                                 pollfd{next.at ? wall_ : -1, POLLIN, 0},
                                 pollfd{next.timer ? monotonic_ : -1, POLLIN, 0}};
  if (poll(files.data(), files.size(), -1) <= 0) return;
  for (const pollfd& file : files) {
    if (file.revents != 0) Drain(file.fd);
  }
}

SchedulerThread::SchedulerThread(Scheduler& scheduler, SchedulerAlarm& alarm)
    : scheduler_(scheduler),
      alarm_(alarm),
      thread_([this](const std::stop_token& stop) { Work(stop); }) {}

SchedulerThread::~SchedulerThread() {
  thread_.request_stop();
  alarm_.Wake();
  thread_.join();
}

void SchedulerThread::Work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    NextTick next;
    const Status ticked = Guarded([&]() -> Status {
      AFL_ASSIGN(next, scheduler_.Tick());
      return Done{};
    });
    if (!ticked.ok()) {
      constexpr std::chrono::seconds kRest(1);
      spdlog::error("scheduler: {}; tried again in {} s", ticked.error().message(), kRest.count());
      next.timer = SystemClock().Monotonic() + kRest;
    }
    alarm_.WaitFor(next);
  }
}

}  // namespace afluente::orchestrator
