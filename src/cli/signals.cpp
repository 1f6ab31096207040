#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>

#include "cli/context.h"

namespace afluente::cli {
namespace {

// Wakes the waiter so that it can be joined.
constexpr int kWakeSignal = SIGUSR1;

sigset_t HandledSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, kWakeSignal);
  return signals;
}

}  // namespace

StopOnSignal::StopOnSignal() {
  const sigset_t signals = HandledSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  waiter_ = std::jthread([this] { Watch(); });
}

StopOnSignal::~StopOnSignal() {
  pthread_kill(waiter_.native_handle(), kWakeSignal);
  waiter_.join();
  const sigset_t signals = HandledSignals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

StopAfter::StopAfter(std::stop_token stop, double seconds)
    : forward_(std::move(stop), [this] { stop_.request_stop(); }), timer_([this, seconds] {
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                              [this] { return done_; })) {
          return;
        }
        expired_ = true;
        stop_.request_stop();
      }) {}

StopAfter::~StopAfter() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  timer_.join();
}

void StopOnSignal::Watch() {
  const sigset_t signals = HandledSignals();
  while (true) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal == kWakeSignal) return;
    // What a killed run leaves is safe: nothing is published before its commit.
    if (stop_.stop_requested()) _exit(kInterrupted);
    stop_.request_stop();
    stopped_ = true;
    stopped_.notify_all();
  }
}

}  // namespace afluente::cli
