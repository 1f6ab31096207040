// The program under test, run as a person or a shell would run it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace afluente::test {

/// What to run. The child gets PATH, sanitizer options and `env`, nothing else
/// of this process's environment.
struct Command {
  std::vector<std::string> args;  // args[0] is the program.
  std::map<std::string, std::string> env;
  std::filesystem::path cwd;                    // Empty: where the test runs.
  std::optional<std::uint64_t> file_bytes_max;  // Writing past it fails with EFBIG.
};

/// How it ended.
struct Outcome {
  int exit_code = -1;  // 128 + signal if a signal ended it, as a shell says.
  std::string out;
  std::string err;
  std::chrono::milliseconds wall{0};
  std::int64_t peak_rss_kb = 0;

  /// For failure messages: the exit code and both streams.
  std::string ToString() const;
};

/// A running child. Dies with this process and, killed, with this object.
class Process {
 public:
  /// Throws when the program cannot be started.
  explicit Process(const Command& command);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  /// True when it has ended within `limit`. Returns as soon as it has.
  bool EndsWithin(std::chrono::microseconds limit) const;
  /// What it has written so far.
  std::string out() const;
  std::string err() const;
  /// Waits for the end. Past `limit` it is killed and an exception thrown.
  Outcome Wait(std::chrono::seconds limit = std::chrono::seconds(240));

 private:
  pid_t pid_ = -1;
  int pid_fd_ = -1;
  int out_fd_ = -1;
  int err_fd_ = -1;
  bool reaped_ = false;
  std::chrono::steady_clock::time_point started_;
};

/// Process + Wait.
Outcome RunCommand(const Command& command);

/// The afluente under test.
std::filesystem::path AfluenteBinary();

}  // namespace afluente::test
