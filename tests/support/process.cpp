#include "support/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace afluente::test {
namespace {

using std::chrono::duration_cast;
using std::chrono::steady_clock;

constexpr const char* kPassedOn[] = {"PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
                                     "LSAN_OPTIONS"};

std::vector<std::string> EnvironmentOf(const Command& command) {
  std::map<std::string, std::string> merged = {{"LANG", "C.UTF-8"}, {"HOME", "/nonexistent"}};
  for (const char* name : kPassedOn) {
    if (const char* value = std::getenv(name)) merged[name] = value;
  }
  for (const auto& [name, value] : command.env) merged[name] = value;
  std::vector<std::string> lines;
  for (const auto& [name, value] : merged) lines.push_back(fmt::format("{}={}", name, value));
  return lines;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Runs in the child between fork and exec: system calls only.
[[noreturn]] void BecomeProgram(const Command& command, char** argv, char** envp, int out, int err,
                                pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  if (command.file_bytes_max) {
    const rlimit limit = {*command.file_bytes_max, *command.file_bytes_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, SIG_IGN);  // So that write() fails as on a full disk.
  }
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(null, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  if (!command.cwd.empty() && chdir(command.cwd.c_str()) != 0) _exit(126);
  execve(argv[0], argv, envp);
  _exit(127);
}

std::string Contents(int fd) {
  const off_t size = lseek(fd, 0, SEEK_END);
  std::string text(static_cast<std::size_t>(size), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got =
        pread(fd, text.data() + filled, text.size() - filled, static_cast<off_t>(filled));
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  return text;
}

}  // namespace

std::string Outcome::ToString() const {
  return fmt::format("exit code {}\n--- stdout\n{}\n--- stderr\n{}", exit_code, out, err);
}

Process::Process(const Command& command) : started_(steady_clock::now()) {
  // Files in memory, opened for appending as a pipe would be: nobody has to read
  // them while the child runs, and what it wrote survives its death.
  out_fd_ = memfd_create("stdout", MFD_CLOEXEC);
  err_fd_ = memfd_create("stderr", MFD_CLOEXEC);
  fcntl(out_fd_, F_SETFL, O_APPEND);
  fcntl(err_fd_, F_SETFL, O_APPEND);
  std::vector<std::string> args = command.args;
  std::vector<std::string> env = EnvironmentOf(command);
  std::vector<char*> argv = Pointers(args);
  std::vector<char*> envp = Pointers(env);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) {
    BecomeProgram(command, argv.data(), envp.data(), out_fd_, err_fd_, parent);
  }
  pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (pid_fd_ < 0) throw std::system_error(errno, std::generic_category(), "pidfd_open");
}

Process::~Process() {
  if (!reaped_ && pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(pid_fd_);
  close(out_fd_);
  close(err_fd_);
}

void Process::Signal(int signal) const {
  if (!reaped_) kill(pid_, signal);
}

bool Process::EndsWithin(std::chrono::microseconds limit) const {
  if (reaped_) return true;
  const auto seconds = duration_cast<std::chrono::seconds>(limit);
  const std::chrono::nanoseconds rest = limit - seconds;
  const timespec timeout = {seconds.count(), rest.count()};
  pollfd ended = {pid_fd_, POLLIN, 0};
  return ppoll(&ended, 1, &timeout, nullptr) > 0;
}

std::string Process::out() const { return Contents(out_fd_); }
std::string Process::err() const { return Contents(err_fd_); }

Outcome Process::Wait(std::chrono::seconds limit) {
  const bool ended = EndsWithin(limit);
  if (!ended) kill(pid_, SIGKILL);
  int status = 0;
  rusage usage = {};
  wait4(pid_, &status, 0, &usage);
  reaped_ = true;
  Outcome outcome;
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = out();
  outcome.err = err();
  outcome.wall = duration_cast<std::chrono::milliseconds>(steady_clock::now() - started_);
  outcome.peak_rss_kb = usage.ru_maxrss;
  if (!ended) {
    throw std::runtime_error(
        fmt::format("no end after {} s; {}", limit.count(), outcome.ToString()));
  }
  return outcome;
}

Outcome RunCommand(const Command& command) { return Process(command).Wait(); }

std::filesystem::path AfluenteBinary() {
  const char* chosen = std::getenv("AFLUENTE_BINARY");
  return chosen != nullptr ? chosen : AFLUENTE_BINARY;
}

}  // namespace afluente::test
