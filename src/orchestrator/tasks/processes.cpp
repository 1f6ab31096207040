#include "orchestrator/tasks/processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

extern char** environ;  // NOLINT(readability-identifier-naming): POSIX's name.

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kHeadBytes = std::uint64_t{1} << 20U;  // Of the output, kept whole.
constexpr int kLookAfterMs = 500;

// noclobber makes `>` O_EXCL: the first to make `started` decides whether the command runs. The
// start time in /proc, with the boot's id, tells the process from a later one with its number. A
// trap that does nothing keeps the shell alive until the command has ended, and is not inherited.
constexpr const char* kWrapper = R"(set -C
read -r boot </proc/sys/kernel/random/boot_id
read -r stat </proc/$$/stat
echo "$boot $stat" >"$AFLUENTE_ATTEMPT/started" || exit 125
trap : TERM INT HUP
"$@"
code=$?
echo "$code" >"$AFLUENTE_ATTEMPT/ended"
exit "$code")";

struct Identity {
  pid_t pid = 0;
  std::string start;  // Boot's id and start time.
};

std::string FirstLine(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return in.eof() && line.empty() ? std::string() : line;
}

// "BOOT PID (sh) STATE ..."; the start time is the 22nd field of proc(5)'s stat.
std::optional<Identity> ParseIdentity(const std::string& line) {
  const std::size_t space = line.find(' ');
  const std::size_t name_end = line.rfind(')');
  if (space == std::string::npos || name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(line.substr(name_end + 1));
  std::string field;
  constexpr int kFieldsToStart = 20;
  for (int i = 0; i < kFieldsToStart; ++i) rest >> field;
  if (!rest) return std::nullopt;
  Identity identity;
  identity.pid = std::atoi(line.c_str() + space + 1);
  identity.start = line.substr(0, space) + " " + field;
  return identity;
}

bool IsAlive(const Identity& identity) {
  const std::string boot = FirstLine("/proc/sys/kernel/random/boot_id");
  const std::string stat = FirstLine(fmt::format("/proc/{}/stat", identity.pid));
  const auto now = ParseIdentity(boot + " " + stat);
  return now && now->start == identity.start && stat.find(") Z ") == std::string::npos;
}

int OpenPidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

// The exit code that a process left, if it did.
std::optional<int> ReadCode(const fs::path& folder) {
  const std::string line = FirstLine(folder / "ended");
  if (line.empty()) return std::nullopt;
  return std::atoi(line.c_str());
}

class SpawnActions {
 public:
  explicit SpawnActions(const fs::path& output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    constexpr mode_t kMode = 0600;
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, output.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, kMode);
    posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes_);
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;

  void ChangeTo(const fs::path& folder) {
    posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::vector<std::string> Environment(const fs::path& folder, const Command& command) {
  std::vector<std::string> texts;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    if (name != "AFLUENTE_ATTEMPT" && !command.environment.contains(name)) texts.push_back(text);
  }
  for (const auto& [name, value] : command.environment) texts.push_back(name + "=" + value);
  texts.push_back("AFLUENTE_ATTEMPT=" + folder.string());
  return texts;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// As execvp looks it up, so that a name that does not exist fails here and not in the shell.
bool CanRun(const std::string& program, const fs::path& working_folder) {
  if (program.find('/') != std::string::npos) {
    const fs::path path = fs::path(program).is_absolute() || working_folder.empty()
                              ? fs::path(program)
                              : working_folder / program;
    return access(path.c_str(), X_OK) == 0;
  }
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

// Gives back the middle of a file that grows without end. A file system that cannot loses the end
// instead; the process goes on appending.
void Bound(const fs::path& output, std::uint64_t bytes_max) {
  struct stat status = {};
  if (stat(output.c_str(), &status) != 0) return;
  constexpr std::uint64_t kBlock = 512;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (static_cast<std::uint64_t>(status.st_blocks) * kBlock <= bytes_max) return;
  const int file = open(output.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  const std::uint64_t tail = std::max(bytes_max, 2 * kHeadBytes) - kHeadBytes;
  const bool punched =
      size > kHeadBytes + tail &&
      fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(kHeadBytes),
                static_cast<off_t>(size - kHeadBytes - tail)) == 0;
  if (!punched && ftruncate(file, static_cast<off_t>(kHeadBytes)) != 0) {
    spdlog::warn("{} grows without end: {}", output.string(), std::strerror(errno));
  }
  close(file);
}

}  // namespace

struct Processes::Process {
  fs::path folder;
  pid_t pid = 0;
  int pidfd = -1;
  bool is_child = true;
  bool cancelled = false;
  std::optional<std::chrono::nanoseconds> kill_at;  // On the monotonic clock.
  std::uint64_t output_max = 0;
  std::chrono::milliseconds grace{0};
  OnEnded on_ended;
};

Result<std::unique_ptr<Processes>> Processes::Open() {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  const int wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const int self = OpenPidfd(getpid());
  if (epoll < 0 || wakeup < 0 || self < 0) {
    return Error(ErrorKind::kInternal,
                 fmt::format("processes cannot be watched: {}", std::strerror(errno)));
  }
  close(self);
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.fd = wakeup;
  epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup, &event);
  std::unique_ptr<Processes> processes(new Processes(epoll, wakeup));
  processes->thread_ =
      std::jthread([self = processes.get()](const std::stop_token& stop) { self->Work(stop); });
  return processes;
}

Processes::Processes(int epoll, int wakeup) : epoll_(epoll), wakeup_(wakeup) {}

Processes::~Processes() {
  thread_.request_stop();
  eventfd_write(wakeup_, 1);
  thread_.join();
  for (const auto& [pidfd, process] : processes_) close(pidfd);
  close(wakeup_);
  close(epoll_);
}

Status Processes::Start(const fs::path& folder, const Command& command, OnEnded on_ended) {
  if (command.arguments.empty())
    return Error(ErrorKind::kInvalidConfig, "a command has no program");
  if (!CanRun(command.arguments.front(), command.working_folder)) {
    return Error(ErrorKind::kNotFound,
                 fmt::format("there is no program {} to run", command.arguments.front()));
  }
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) {
    return Error(ErrorKind::kInternal,
                 fmt::format("{} cannot be made: {}", folder.string(), failed.message()));
  }
  SpawnActions spawn(folder / "output");
  if (!command.working_folder.empty()) spawn.ChangeTo(command.working_folder);
  std::vector<std::string> arguments = {"sh", "-c", kWrapper, "afluente"};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> environment = Environment(fs::absolute(folder), command);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, "/bin/sh", spawn.actions(), spawn.attributes(),
                                Pointers(arguments).data(), Pointers(environment).data());
  if (error != 0) {
    return Error(ErrorKind::kInternal,
                 fmt::format("{} could not be started: {}", command.arguments.front(),
                             std::strerror(error)));
  }
  auto process = std::make_unique<Process>();
  process->folder = folder;
  process->pid = pid;
  process->pidfd = OpenPidfd(pid);
  process->output_max = command.output_max;
  process->grace = command.grace;
  process->on_ended = std::move(on_ended);
  Watch(std::move(process));
  return Done{};
}

void Processes::Watch(std::unique_ptr<Process> process) {
  const std::scoped_lock lock(mutex_);
  const int pidfd = process->pidfd;
  processes_[pidfd] = std::move(process);
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.fd = pidfd;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, pidfd, &event);
  eventfd_write(wakeup_, 1);
}

Processes::Found Processes::Adopt(const fs::path& folder, const Command& command,
                                  OnEnded on_ended) {
  const fs::path started = folder / "started";
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  constexpr mode_t kMode = 0600;
  const int claimed = open(started.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kMode);
  if (claimed >= 0) {
    close(claimed);
    return Found::kNeverBegan;
  }
  // Between the making of the file and its line there are some microseconds.
  std::string line = FirstLine(started);
  for (int i = 0; i < 100 && line.empty(); ++i) {
    Pause(std::chrono::milliseconds(10));
    line = FirstLine(started);
  }
  const auto identity = ParseIdentity(line);
  if (!identity) return Found::kNeverBegan;  // Killed before its command, or claimed earlier.
  const int pidfd = OpenPidfd(identity->pid);
  if (pidfd >= 0 && IsAlive(*identity)) {
    auto process = std::make_unique<Process>();
    process->folder = folder;
    process->pid = identity->pid;
    process->pidfd = pidfd;
    process->is_child = false;
    process->output_max = command.output_max;
    process->grace = command.grace;
    process->on_ended = std::move(on_ended);
    Watch(std::move(process));
    return Found::kRunning;
  }
  if (pidfd >= 0) close(pidfd);
  const auto code = ReadCode(folder);
  const std::scoped_lock lock(mutex_);
  ends_.emplace_back(std::move(on_ended), ProcessEnd{code.value_or(0), code.has_value(), false});
  eventfd_write(wakeup_, 1);
  return Found::kEnded;
}

void Processes::Cancel(const fs::path& folder) {
  const std::scoped_lock lock(mutex_);
  for (const auto& [pidfd, process] : processes_) {
    if (process->folder != folder || process->cancelled) continue;
    process->cancelled = true;
    process->kill_at = SystemClock().Monotonic() + process->grace;
    kill(-process->pid, SIGTERM);
  }
  eventfd_write(wakeup_, 1);
}

std::size_t Processes::running() const {
  const std::scoped_lock lock(mutex_);
  return processes_.size();
}

void Processes::Work(const std::stop_token& stop) {
  auto looked_after = SystemClock().Monotonic();
  while (!stop.stop_requested()) {
    constexpr int kEvents = 64;
    std::array<epoll_event, kEvents> events = {};
    const int timeout = running() > 0 ? kLookAfterMs : -1;
    const int count = epoll_wait(epoll_, events.data(), kEvents, timeout);
    for (int i = 0; i < count; ++i) {
      const int ready = events[static_cast<std::size_t>(i)].data.fd;
      eventfd_t value = 0;
      if (ready == wakeup_) {
        eventfd_read(wakeup_, &value);
      } else {
        Reap(ready);
      }
    }
    std::vector<std::pair<OnEnded, ProcessEnd>> ends;
    {
      const std::scoped_lock lock(mutex_);
      ends.swap(ends_);
    }
    for (const auto& [on_ended, end] : ends) on_ended(end);
    const auto now = SystemClock().Monotonic();
    if (now - looked_after < std::chrono::milliseconds(kLookAfterMs)) continue;
    looked_after = now;
    LookAfter();
  }
}

void Processes::LookAfter() {
  const std::scoped_lock lock(mutex_);
  const auto now = SystemClock().Monotonic();
  for (const auto& [pidfd, process] : processes_) {
    Bound(process->folder / "output", process->output_max);
    if (process->kill_at && now >= *process->kill_at) kill(-process->pid, SIGKILL);
  }
}

void Processes::Reap(int pidfd) {
  std::unique_ptr<Process> process;
  {
    const std::scoped_lock lock(mutex_);
    auto node = processes_.extract(pidfd);
    if (node.empty()) return;
    process = std::move(node.mapped());
  }
  ProcessEnd end;
  end.cancelled = process->cancelled;
  siginfo_t info = {};
  const bool reaped =
      process->is_child && waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) == 0;
  const auto code = ReadCode(process->folder);
  // Without the shell around it a command would go on beside its next attempt.
  if (!code) kill(-process->pid, SIGKILL);
  // What the command itself said comes first: the shell may have been killed after it.
  if (code) {
    end.exit_code = *code;
  } else if (reaped) {
    constexpr int kSignalBase = 128;
    end.exit_code = info.si_code == CLD_EXITED ? info.si_status : kSignalBase + info.si_status;
  } else {
    end.is_known = false;
  }
  epoll_ctl(epoll_, EPOLL_CTL_DEL, pidfd, nullptr);
  close(pidfd);
  Bound(process->folder / "output", process->output_max);
  process->on_ended(end);
}

}  // namespace afluente::orchestrator
