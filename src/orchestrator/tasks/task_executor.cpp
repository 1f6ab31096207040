#include "orchestrator/tasks/task_executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kOutputBytesMax = 1U << 20U;

// What the command left for later tasks; more than a note has another place.
std::string ReadResult(const fs::path& file) {
  std::error_code failed;
  const std::uintmax_t size = fs::file_size(file, failed);
  if (failed || size > kOutputBytesMax) return "";
  std::ifstream in(file);
  std::string text(static_cast<std::size_t>(size), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

AttemptOutcome OutcomeOf(const ProcessEnd& end, const fs::path& folder) {
  AttemptOutcome outcome;
  constexpr int kSignalBase = 128;
  if (end.cancelled) {
    outcome.status = Error(ErrorKind::kCancelled, "it was asked to end");
  } else if (!end.is_known) {
    outcome.status = Error(ErrorKind::kTransient,
                           "its process ended while nobody watched and left no exit code: it was "
                           "killed, or the machine started anew");
  } else if (end.exit_code == kSkippedExitCode) {
    outcome.skipped = true;
  } else if (end.exit_code > kSignalBase) {
    outcome.status = Error(ErrorKind::kTransient,
                           fmt::format("signal {} ended its process", end.exit_code - kSignalBase));
  } else if (end.exit_code != 0) {
    outcome.status =
        Error(ErrorKind::kInternal, fmt::format("its command exited with {}; `afluente logs` shows "
                                                "what it printed",
                                                end.exit_code));
  }
  outcome.output = ReadResult(folder / "result.json");
  return outcome;
}

}  // namespace

Result<std::unique_ptr<TaskExecutor>> TaskExecutor::Open(fs::path folder, Works works) {
  AFL_ASSIGN(auto processes, Processes::Open());
  return std::unique_ptr<TaskExecutor>(
      new TaskExecutor(std::move(folder), std::move(works), std::move(processes)));
}

TaskExecutor::~TaskExecutor() { Stop(); }

void TaskExecutor::Stop() {
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [name, source] : threads_) source.request_stop();
  }
  workers_.reset();
}

fs::path TaskExecutor::FolderOf(const fs::path& folder, const AttemptRef& attempt) {
  std::string run = attempt.run;
  std::replace(run.begin(), run.end(), '/', '_');
  return folder / run / fmt::format("{}.{}", attempt.task, attempt.attempt);
}

const TaskWork* TaskExecutor::Find(const Attempt& attempt) const {
  const auto found = works_.find({attempt.job, attempt.ref.task});
  return found == works_.end() ? nullptr : &found->second;
}

void TaskExecutor::EndLater(const AttemptRef& attempt, Status status, OnEnded on_ended) {
  workers_->Post([attempt, status = std::move(status), on_ended = std::move(on_ended)] {
    AttemptOutcome outcome;
    outcome.status = status;
    on_ended(attempt, std::move(outcome));
  });
}

void TaskExecutor::Start(const Attempt& attempt, OnEnded on_ended) {
  const TaskWork* work = Find(attempt);
  if (work == nullptr) {
    EndLater(attempt.ref,
             Error(ErrorKind::kNotFound,
                   fmt::format("job {} has no task {}", attempt.job, attempt.ref.task)),
             std::move(on_ended));
  } else if (const auto* thread = std::get_if<ThreadWork>(work)) {
    StartThread(*thread, attempt, std::move(on_ended));
  } else {
    StartProcess(std::get<ProcessWork>(*work), attempt, std::move(on_ended));
  }
}

void TaskExecutor::StartThread(const ThreadWork& work, const Attempt& attempt, OnEnded on_ended) {
  const std::string name = FolderOf(folder_, attempt.ref).string();
  std::stop_token stop;
  {
    const std::scoped_lock lock(mutex_);
    stop = (threads_[name] = std::stop_source()).get_token();
  }
  workers_->Post([this, &work, attempt, name, stop, on_ended = std::move(on_ended)] {
    AttemptOutcome outcome;
    const Status status = Guarded([&]() -> Status {
      outcome = work(attempt, stop);
      return Done{};
    });
    if (!status.ok()) outcome.status = status;
    {
      const std::scoped_lock lock(mutex_);
      threads_.erase(name);
    }
    on_ended(attempt.ref, std::move(outcome));
  });
}

Processes::OnEnded TaskExecutor::Telling(const AttemptRef& attempt, OnEnded on_ended) const {
  return [attempt, folder = FolderOf(folder_, attempt), on_ended = std::move(on_ended)](
             const ProcessEnd& end) { on_ended(attempt, OutcomeOf(end, folder)); };
}

void TaskExecutor::StartProcess(const ProcessWork& work, const Attempt& attempt, OnEnded on_ended) {
  auto command = work(attempt);
  const Status started = command.ok()
                             ? processes_->Start(FolderOf(folder_, attempt.ref), command.value(),
                                                 Telling(attempt.ref, on_ended))
                             : Status(command.error());
  if (!started.ok()) EndLater(attempt.ref, started, std::move(on_ended));
}

void TaskExecutor::Cancel(const AttemptRef& attempt) {
  const fs::path folder = FolderOf(folder_, attempt);
  processes_->Cancel(folder);
  const std::scoped_lock lock(mutex_);
  const auto found = threads_.find(folder.string());
  if (found != threads_.end()) found->second.request_stop();
}

bool TaskExecutor::Adopt(const Attempt& attempt, OnEnded on_ended) {
  const TaskWork* work = Find(attempt);
  if (work == nullptr || !std::holds_alternative<ProcessWork>(*work)) return false;
  const auto command = std::get<ProcessWork>(*work)(attempt);
  return processes_->Adopt(
             FolderOf(folder_, attempt.ref), command.ok() ? command.value() : Command(),
             Telling(attempt.ref, std::move(on_ended))) != Processes::Found::kNeverBegan;
}

}  // namespace afluente::orchestrator
