// Runs attempts of tasks: what this process does itself on threads, commands as child processes.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>

#include "base/result.h"
#include "orchestrator/scheduler/executor.h"
#include "orchestrator/tasks/processes.h"
#include "orchestrator/tasks/workers.h"

namespace afluente::orchestrator {

/// Work inside this process. It ends with it, and goes on from its checkpoint.
using ThreadWork = std::function<AttemptOutcome(const Attempt&, const std::stop_token&)>;
/// What makes the command of an attempt. kInvalidConfig fails the attempt.
using ProcessWork = std::function<Result<Command>(const Attempt&)>;
using TaskWork = std::variant<ThreadWork, ProcessWork>;

/// A command that exits with it succeeded by not being needed.
inline constexpr int kSkippedExitCode = 99;

/// Thread-safe.
class TaskExecutor final : public Executor {
 public:
  /// By job and task.
  using Works = std::map<std::pair<std::string, std::string>, TaskWork>;

  /// `folder`: where attempts leave their output. Errors: of Processes::Open.
  static Result<std::unique_ptr<TaskExecutor>> Open(std::filesystem::path folder, Works works);
  TaskExecutor(const TaskExecutor&) = delete;
  TaskExecutor& operator=(const TaskExecutor&) = delete;
  ~TaskExecutor() override;

  /// Asks threads to stop and waits for them; leaves processes running. Nothing
  /// may be started afterwards.
  void Stop();

  void Start(const Attempt& attempt, OnEnded on_ended) override;
  void Cancel(const AttemptRef& attempt) override;
  bool Adopt(const Attempt& attempt, OnEnded on_ended) override;

  /// Where an attempt's output stands.
  static std::filesystem::path FolderOf(const std::filesystem::path& folder,
                                        const AttemptRef& attempt);

 private:
  TaskExecutor(std::filesystem::path folder, Works works, std::unique_ptr<Processes> processes)
      : folder_(std::move(folder)), works_(std::move(works)), processes_(std::move(processes)) {}

  const TaskWork* Find(const Attempt& attempt) const;
  void StartThread(const ThreadWork& work, const Attempt& attempt, OnEnded on_ended);
  void StartProcess(const ProcessWork& work, const Attempt& attempt, OnEnded on_ended);
  void EndLater(const AttemptRef& attempt, Status status, OnEnded on_ended);
  Processes::OnEnded Telling(const AttemptRef& attempt, OnEnded on_ended) const;

  const std::filesystem::path folder_;
  const Works works_;
  std::mutex mutex_;
  std::map<std::string, std::stop_source> threads_;  // By FolderOf.
  std::unique_ptr<Processes> processes_;
  std::optional<Workers> workers_{std::in_place};
};

}  // namespace afluente::orchestrator
