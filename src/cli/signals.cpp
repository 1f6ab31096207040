#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

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
