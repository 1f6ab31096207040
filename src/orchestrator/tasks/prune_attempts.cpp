#include "orchestrator/tasks/prune_attempts.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "base/stop_after.h"
#include "orchestrator/scheduler/job_store.h"
#include "orchestrator/tasks/task_executor.h"

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;

struct RunFolder {
  fs::path path;
  WallTime written_at{};
  std::uint64_t bytes = 0;
};

// Outputs may have holes: blocks count, not lengths.
RunFolder Measure(const fs::path& path) {
  RunFolder folder{path};
  const auto look = [&folder](const fs::path& entry) {
    struct stat status = {};
    if (lstat(entry.c_str(), &status) != 0) return;
    constexpr std::uint64_t kBlock = 512;
    folder.bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlock;
    const WallTime at{std::chrono::seconds(status.st_mtim.tv_sec)};
    folder.written_at = std::max(folder.written_at, at);
  };
  look(path);
  std::error_code error;
  for (fs::recursive_directory_iterator at(path, error), end; at != end; at.increment(error)) {
    look(at->path());
  }
  return folder;
}

}  // namespace

Pruned PruneAttempts(const fs::path& folder, const std::set<std::string>& keep, WallTime now,
                     const AttemptLimits& limits) {
  std::set<std::string> kept;
  for (const std::string& run : keep) {
    kept.insert(TaskExecutor::FolderOf(folder, {run, "", 0}).parent_path().filename().string());
  }
  std::vector<RunFolder> folders;
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (kept.contains(entry.path().filename().string())) continue;
    folders.push_back(Measure(entry.path()));
    bytes += folders.back().bytes;
  }
  std::sort(folders.begin(), folders.end(),
            [](const RunFolder& a, const RunFolder& b) { return a.written_at < b.written_at; });
  Pruned pruned;
  std::size_t left = folders.size();
  for (const RunFolder& run : folders) {
    const bool is_old = now - run.written_at > limits.age;
    if (!is_old && bytes <= limits.bytes && left <= limits.runs) break;
    fs::remove_all(run.path, error);
    if (error) continue;
    bytes -= run.bytes;
    --left;
    ++pruned.runs;
    pruned.bytes += run.bytes;
  }
  return pruned;
}

AttemptPruner::AttemptPruner(fs::path folder, RunStore& runs, const Clock& clock)
    : folder_(std::move(folder)), runs_(runs), clock_(clock) {
  thread_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
}

Status AttemptPruner::Prune() {
  AFL_ASSIGN(const auto unfinished, JobStore(runs_.file()).Unfinished());
  std::set<std::string> keep;
  for (const JobRun& run : unfinished) keep.insert(run.id);
  const Pruned pruned = PruneAttempts(folder_, keep, clock_.Now());
  if (pruned.runs > 0) {
    spdlog::info("removed what the commands of {} old runs printed: {:.1f} MB", pruned.runs,
                 static_cast<double>(pruned.bytes) / 1e6);
  }
  return Done{};
}

void AttemptPruner::Work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Status pruned = Guarded([&] { return Prune(); });
    if (!pruned.ok()) spdlog::warn("old runs: {}", pruned.error().message());
    Rest(stop, std::chrono::hours(24));
  }
}

}  // namespace afluente::orchestrator
