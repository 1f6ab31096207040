// The scheduler's core, measured in this process: FOLDER [--jobs N] [--noops N] [--processes N]
// [--seconds N], or --yaml FOLDER: how long yaml-cpp alone takes for the files there. Prints "key
// value" a line.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "orchestrator/run_store.h"
#include "orchestrator/scheduler/scheduler.h"
#include "orchestrator/scheduler/scheduler_thread.h"
#include "orchestrator/tasks/task_executor.h"

extern char** environ;  // NOLINT(readability-identifier-naming): POSIX's name.

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

template <class T>
T Must(Result<T> result) {
  if (result.ok()) return std::move(result).value();
  fmt::print(stderr, "{}\n", result.error().message());
  std::exit(1);
}
void Must(const Status& status) {
  if (status.ok()) return;
  fmt::print(stderr, "{}\n", status.error().message());
  std::exit(1);
}

double Ms(nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(last * share)];
}

void Print(const std::string& key, double value) { fmt::print("{} {:.3f}\n", key, value); }

TaskSpec Task(const std::string& name) {
  TaskSpec task;
  task.name = name;
  task.kind = "bench";
  return task;
}

/// A scheduler at work in a folder of its own.
class Bench {
 public:
  Bench(const fs::path& folder, std::vector<JobSpec> jobs, TaskExecutor::Works works) {
    fs::remove_all(folder);
    fs::create_directories(folder);
    store_ = Must(RunStore::Open(folder / "runs.sqlite"));
    alarm_ = Must(SchedulerAlarm::Open());
    executor_ = Must(TaskExecutor::Open(folder / "attempts", std::move(works)));
    SchedulerOptions options;
    options.wake = [this] { alarm_->Wake(); };
    scheduler_ =
        std::make_unique<Scheduler>(store_->file(), *executor_, SystemClock(), std::move(options));
    Must(scheduler_->Start(std::move(jobs)));
  }
  ~Bench() {
    scheduler_->BeginShutdown();
    thread_.reset();
    executor_->Stop();
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void Run() { thread_ = std::make_unique<SchedulerThread>(*scheduler_, *alarm_); }
  std::size_t CountRuns(const std::string& state) {
    const auto rows =
        Must(store_->file().Select("SELECT count(*) FROM runs WHERE state = ?", {state}));
    return std::stoul(rows.at(0).at(0));
  }

 private:
  std::unique_ptr<RunStore> store_;
  std::unique_ptr<SchedulerAlarm> alarm_;
  std::unique_ptr<TaskExecutor> executor_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<SchedulerThread> thread_;
};

// Fires at each multiple of the period, a phase later.
std::function<std::optional<FireTime>(WallTime)> Every(microseconds period, microseconds phase) {
  return [period, phase](WallTime after) {
    const auto number = (after.time_since_epoch() - phase).count() / period.count() + 1;
    const WallTime nominal(period * number + phase);
    return std::optional<FireTime>({nominal, nominal, nominal - period});
  };
}

/// From due time to the work's first instruction, with many other jobs loaded.
void MeasureLatency(const fs::path& folder, int jobs, int seconds) {
  constexpr int kBusy = 20;
  constexpr std::chrono::milliseconds kPeriod(250);
  std::vector<JobSpec> specs;
  TaskExecutor::Works works;
  std::mutex mutex;
  std::vector<double> late;
  for (int i = 0; i < jobs; ++i) {
    JobSpec& job = specs.emplace_back();
    job.name = fmt::format("job-{:05}", i);
    job.mode = "bench";
    job.tasks = {Task("main")};
    const bool is_busy = i < kBusy;
    job.next_fire = is_busy ? Every(kPeriod, kPeriod * i / kBusy)
                            : Every(std::chrono::hours(24 * 365), std::chrono::hours(1));
    if (!is_busy) continue;
    works[{job.name, "main"}] = ThreadWork([&](const Attempt& attempt, const std::stop_token&) {
      const auto now = SystemClock().Now();
      const std::scoped_lock lock(mutex);
      late.push_back(Ms(now - attempt.nominal));
      return AttemptOutcome();
    });
  }
  {
    Bench bench(folder, std::move(specs), std::move(works));
    bench.Run();
    Pause(std::chrono::seconds(seconds));
  }
  Print("due_to_start_samples", static_cast<double>(late.size()));
  Print("p50_ms", Percentile(late, 0.50));
  Print("p99_ms", Percentile(late, 0.99));
}

/// Runs of one task each that are all due at once.
double RunsPerSecond(const fs::path& folder, int count, bool is_process) {
  const WallTime now = SystemClock().Now();
  JobSpec job;
  job.name = "many";
  job.mode = "bench";
  job.tasks = {Task("main")};
  job.policy.catch_up = estate::CatchUp::kAll;
  job.policy.overlap = estate::RunOverlap::kAllow;
  job.policy.max_active_runs = 16;
  // None of them may be due before the job is known: then they all are.
  const WallTime begin = now + std::chrono::seconds(2);
  job.next_fire = [begin, count](WallTime after) -> std::optional<FireTime> {
    const auto passed = std::max<std::int64_t>(0, (after - begin) / microseconds(1) + 1);
    if (passed >= count) return std::nullopt;
    const WallTime nominal = begin + microseconds(passed);
    return FireTime{nominal, nominal, nominal};
  };
  TaskExecutor::Works works;
  if (is_process) {
    works[{"many", "main"}] = ProcessWork([](const Attempt&) -> Result<Command> {
      Command command;
      command.arguments = {"true"};
      return command;
    });
  } else {
    works[{"many", "main"}] =
        ThreadWork([](const Attempt&, const std::stop_token&) { return AttemptOutcome(); });
  }
  Bench bench(folder, {std::move(job)}, std::move(works));
  if (SystemClock().Now() >= begin) {
    fmt::print(stderr, "the run store took two seconds to open: nothing can be measured here\n");
    std::exit(1);
  }
  Pause(begin + std::chrono::milliseconds(50) - SystemClock().Now());
  const auto began = SystemClock().Monotonic();
  bench.Run();
  while (bench.CountRuns("succeeded") < static_cast<std::size_t>(count)) {
    Pause(std::chrono::milliseconds(50));
  }
  const double seconds = Ms(SystemClock().Monotonic() - began) / 1000;
  return count / seconds;
}

/// Starts nothing: attempts stay open until somebody ends them.
class OpenExecutor final : public Executor {
 public:
  void Start(const Attempt& attempt, OnEnded on_ended) override {
    newest_ = attempt.ref;
    on_ended_ = std::move(on_ended);
  }
  void Cancel(const AttemptRef& /*attempt*/) override {}
  bool Adopt(const Attempt& /*attempt*/, OnEnded /*on_ended*/) override { return false; }
  void EndNewest() { on_ended_(newest_, AttemptOutcome()); }

 private:
  AttemptRef newest_;
  OnEnded on_ended_;
};

/// One tick that starts a run and one that ends it, beside `open` others: the median of both, ms.
double TickMs(const fs::path& folder, int open) {
  fs::remove_all(folder);
  fs::create_directories(folder);
  const auto store = Must(RunStore::Open(folder / "runs.sqlite"));
  OpenExecutor executor;
  SchedulerOptions options;
  options.max_tasks = open + 1;
  Scheduler scheduler(store->file(), executor, SystemClock(), std::move(options));
  JobSpec job;
  job.name = "many";
  job.mode = "bench";
  job.tasks = {Task("main")};
  job.policy.overlap = estate::RunOverlap::kAllow;
  job.policy.max_active_runs = open + 1;
  const WallTime begin = SystemClock().Now() + std::chrono::milliseconds(1);
  JobSpec filling = job;
  filling.name = "filling";
  filling.policy.catch_up = estate::CatchUp::kAll;
  filling.next_fire = [begin, open](WallTime after) -> std::optional<FireTime> {
    const auto passed = std::max<std::int64_t>(0, (after - begin) / microseconds(1) + 1);
    if (passed >= open) return std::nullopt;
    const WallTime nominal = begin + microseconds(passed);
    return FireTime{nominal, nominal, nominal};
  };
  Must(scheduler.Start({job, filling}));
  Pause(std::chrono::milliseconds(1) + microseconds(open));
  (void)Must(scheduler.Tick());
  if (scheduler.running() != static_cast<std::size_t>(open)) std::exit(1);
  std::vector<double> ticks;
  constexpr int kTicks = 60;
  for (int i = 0; i < kTicks; ++i) {
    const auto began = SystemClock().Monotonic();
    (void)Must(scheduler.Trigger("many", "manual", std::nullopt, ""));
    (void)Must(scheduler.Tick());
    executor.EndNewest();
    (void)Must(scheduler.Tick());
    ticks.push_back(Ms(SystemClock().Monotonic() - began));
  }
  return Percentile(ticks, 0.5);
}

/// What this machine does in the same minute: a reader can tell a slow one from a slow program.
void MeasureMachine(const fs::path& folder) {
  fs::create_directories(folder);
  std::vector<double> appends;
  const int file =
      open((folder / "append").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const std::string block(256, 'x');
  for (int i = 0; i < 200; ++i) {
    const auto began = SystemClock().Monotonic();
    if (write(file, block.data(), block.size()) < 0 || fdatasync(file) != 0) std::exit(1);
    appends.push_back(Ms(SystemClock().Monotonic() - began));
  }
  close(file);
  Print("machine_durable_append_ms", Percentile(appends, 0.5));

  std::array<char*, 4> arguments = {const_cast<char*>("sh"), const_cast<char*>("-c"),
                                    const_cast<char*>("\"$0\""), const_cast<char*>("true")};
  std::array<char*, 5> with_end = {arguments[0], arguments[1], arguments[2], arguments[3], nullptr};
  constexpr int kSpawns = 200;
  const auto began = SystemClock().Monotonic();
  for (int i = 0; i < kSpawns; ++i) {
    pid_t pid = 0;
    int status = 0;
    if (posix_spawn(&pid, "/bin/sh", nullptr, nullptr, with_end.data(), environ) != 0) std::exit(1);
    waitpid(pid, &status, 0);
  }
  Print("machine_spawns_per_s", kSpawns * 1000 / Ms(SystemClock().Monotonic() - began));

  std::uint64_t sum = 0;
  const auto counting = SystemClock().Monotonic();
  std::map<std::string, int> words;
  for (int i = 0; i < 300'000; ++i) ++words[std::to_string(i % 5003)];
  for (const auto& [word, count] : words) sum += static_cast<std::uint64_t>(count);
  if (sum != 300'000) std::exit(1);
  Print("machine_map_ms", Ms(SystemClock().Monotonic() - counting));
}

void MeasureYaml(const fs::path& folder) {
  const auto began = SystemClock().Monotonic();
  std::size_t keys = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    keys += YAML::LoadFile(entry.path().string()).size();
  }
  if (keys == 0) std::exit(1);
  Print("machine_yaml_ms", Ms(SystemClock().Monotonic() - began));
}

int Main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--yaml") {
    MeasureYaml(argv[2]);
    return 0;
  }
  if (argc < 2) {
    fmt::print(stderr,
               "usage: bench_scheduler_core FOLDER [--jobs N] [--noops N] [--processes N] "
               "[--seconds N]\n       bench_scheduler_core --yaml FOLDER\n");
    return 2;
  }
  std::map<std::string, int> flags = {
      {"--jobs", 10'000}, {"--noops", 10'000}, {"--processes", 1'500}, {"--seconds", 10}};
  for (int i = 2; i + 1 < argc; i += 2) flags[argv[i]] = std::atoi(argv[i + 1]);
  const fs::path folder = argv[1];
  MeasureMachine(folder);
  MeasureLatency(folder / "latency", flags["--jobs"], flags["--seconds"]);
  Print("noop_per_s", RunsPerSecond(folder / "noop", flags["--noops"], false));
  Print("process_per_s", RunsPerSecond(folder / "process", flags["--processes"], true));
  for (const int open : {10, 1'000, 10'000}) {
    Print(fmt::format("tick_{}_ms", open), TickMs(folder / "tick", open));
  }
  return 0;
}

}  // namespace
}  // namespace afluente::orchestrator

int main(int argc, char** argv) { return afluente::orchestrator::Main(argc, argv); }
