// Child processes that outlive this one: begun in a session of their own, found again by what they
// left on disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace afluente::orchestrator {

struct Command {
  std::vector<std::string> arguments;  // The program first; looked up in PATH. No shell reads them.
  std::map<std::string, std::string> environment;  // Added to this process's.
  std::filesystem::path working_folder;            // "": this process's.
  /// Of the output, on disk; what is in the middle goes when there is more.
  std::uint64_t output_max = std::uint64_t{16} << 20U;
  /// Between SIGTERM and SIGKILL when it is cancelled.
  std::chrono::milliseconds grace{10'000};
};

/// How a process ended.
struct ProcessEnd {
  int exit_code = 0;     // 128 + signal for one that a signal ended.
  bool is_known = true;  // False: it ended while nobody watched and left no exit code.
  bool cancelled = false;
};

/// Every process has a folder: `output` holds what it prints, `started` who it
/// is, `ended` its exit code. `started` is made by whoever comes first, the
/// process or somebody who finds that it never began: so a command runs at most
/// once for a folder, whatever is killed when. Thread-safe.
class Processes {
 public:
  using OnEnded = std::function<void(const ProcessEnd&)>;

  /// Errors: kInternal when the kernel refuses what it needs (Linux 5.3 or later).
  static Result<std::unique_ptr<Processes>> Open();
  /// Leaves processes running.
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  /// Begins `command` with its files in `folder`, which is made; `on_ended` is
  /// called once, on another thread. Errors: kNotFound for a program that does not
  /// exist, kInternal else; `on_ended` is not called then.
  Status Start(const std::filesystem::path& folder, const Command& command, OnEnded on_ended);

  enum class Found : std::uint8_t { kRunning, kEnded, kNeverBegan };
  /// Takes up what another process began in `folder`. `on_ended` is called once,
  /// on another thread, unless it never began; then it never will.
  Found Adopt(const std::filesystem::path& folder, const Command& command, OnEnded on_ended);

  /// SIGTERM to all processes of its session, SIGKILL when they have not ended
  /// after the grace. Unknown ones are ignored.
  void Cancel(const std::filesystem::path& folder);

  std::size_t running() const;

 private:
  struct Process;
  Processes(int epoll, int wakeup);
  void Watch(std::unique_ptr<Process> process);
  void Work(const std::stop_token& stop);
  void Reap(int pidfd);
  void LookAfter();

  const int epoll_;
  const int wakeup_;
  mutable std::mutex mutex_;
  std::map<int, std::unique_ptr<Process>> processes_;  // By pidfd.
  std::vector<std::pair<OnEnded, ProcessEnd>>
      ends_;  // Of those that ended before they were adopted.
  std::jthread thread_;
};

/// What a process has printed: `output` without the hole, which a line names.
/// At most `bytes_max` from the end. "" when there is none.
std::string ReadOutput(const std::filesystem::path& folder, std::uint64_t bytes_max);

}  // namespace afluente::orchestrator
