#include "orchestrator/tasks/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "orchestrator/tasks/task_executor.h"

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours kKept{24 * 7};

// The number in "TASK.3"; 0 for any other name.
int AttemptIn(const std::string& name, const std::string& task) {
  if (!name.starts_with(task + ".")) return 0;
  int attempt = 0;
  const char* const end = name.data() + name.size();
  const auto [stopped, failed] = std::from_chars(name.data() + task.size() + 1, end, attempt);
  return failed == std::errc() && stopped == end ? attempt : 0;
}

// Failed runs keep their files, for a retry; not for ever.
void RemoveOld(const fs::path& root, WallTime now) {
  std::error_code failed;
  for (const auto& run : fs::directory_iterator(root, failed)) {
    const auto written = std::chrono::file_clock::to_sys(run.last_write_time(failed));
    if (!failed && written + kKept < now) fs::remove_all(run.path(), failed);
  }
}

}  // namespace

fs::path Exchange::FolderOf(const AttemptRef& attempt) const {
  return TaskExecutor::FolderOf(root_, attempt);
}

Result<fs::path> Exchange::Begin(const AttemptRef& attempt, WallTime now) const {
  RemoveOld(root_, now);
  AFL_ASSIGN(fs::path folder, Make(attempt));
  Empty({attempt});
  return folder;
}

Result<fs::path> Exchange::Make(const AttemptRef& attempt) const {
  fs::path folder = FolderOf(attempt);
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) return Error(ErrorKind::kInternal, folder.string() + ": " + failed.message());
  return folder;
}

std::optional<AttemptRef> Exchange::Last(const std::string& run, const std::string& task) const {
  AttemptRef last{run, task, 0};
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(FolderOf(last).parent_path(), failed)) {
    last.attempt = std::max(last.attempt, AttemptIn(entry.path().filename().string(), task));
  }
  if (last.attempt == 0) return std::nullopt;
  return last;
}

Result<fs::path> Exchange::Find(const std::string& run, const std::string& task,
                                const std::string& name) const {
  const auto last = Last(run, task);
  std::error_code failed;
  if (last && fs::exists(FolderOf(*last) / name, failed)) return FolderOf(*last) / name;
  return Error(
      ErrorKind::kNotFound,
      fmt::format("task {} has left no {}: clear it, and what comes after it", task, name));
}

void Exchange::Empty(const std::vector<AttemptRef>& attempts) const {
  std::error_code failed;
  for (const AttemptRef& attempt : attempts) {
    for (const auto& entry : fs::directory_iterator(FolderOf(attempt), failed)) {
      fs::remove_all(entry.path(), failed);
    }
  }
}

}  // namespace afluente::orchestrator
