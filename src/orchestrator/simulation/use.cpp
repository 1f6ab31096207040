#include "orchestrator/simulation/use.h"

#include <algorithm>
#include <list>
#include <tuple>

namespace afluente::orchestrator {
namespace {

using std::chrono::microseconds;

// What had not ended by then has the end of what was looked at.
WallTime EndOf(const SimulatedTask& task, const Timeline& timeline) {
  return task.ended == WallTime() ? timeline.to : std::min(task.ended, timeline.to);
}

std::string ProjectOf(const std::string& table) { return table.substr(0, table.find('.')); }

// Steps from how much comes and goes at which time.
void FillSteps(const std::map<WallTime, int>& changes, const Timeline& timeline, Use& use) {
  int used = 0;
  WallTime since = timeline.from;
  for (const auto& [at, change] : changes) {
    if (used >= use.slots) use.full += at - since;
    used += change;
    since = at;
    if (!use.steps.empty() && use.steps.back().used == used) continue;
    use.steps.push_back({at, used});
    if (used > use.peak) std::tie(use.peak, use.peak_at) = std::pair(used, at);
  }
}

}  // namespace

std::vector<Use> UseOfPools(const Timeline& timeline, const std::map<std::string, int>& pools,
                            int max_tasks) {
  std::map<std::string, Use> uses;
  uses[""].slots = max_tasks;
  for (const auto& [name, slots] : pools) uses[name].slots = slots;
  std::map<std::string, std::map<WallTime, int>> changes;
  for (const SimulatedRun& run : timeline.runs) {
    for (const SimulatedTask& task : run.tasks) {
      if (task.ready == WallTime() || task.slots == 0) continue;
      const bool has_pool = !task.pool.empty() && pools.contains(task.pool);
      Use& waits_for = uses[has_pool ? task.pool : ""];
      const WallTime began = task.started == WallTime() ? timeline.to : task.started;
      if (began > task.ready) {
        ++waits_for.waits;
        waits_for.waited += began - task.ready;
        if (began - task.ready > waits_for.longest_wait) {
          waits_for.longest_wait = began - task.ready;
          waits_for.longest_run = run.id;
        }
      }
      if (task.started == WallTime()) continue;
      const WallTime ended = EndOf(task, timeline);
      ++changes[""][task.started];
      --changes[""][ended];
      if (!has_pool) continue;
      const int slots = std::min(task.slots, waits_for.slots);
      changes[task.pool][task.started] += slots;
      changes[task.pool][ended] -= slots;
    }
  }
  std::vector<Use> found;
  for (auto& [name, use] : uses) {
    use.name = name;
    FillSteps(changes[name], timeline, use);
    found.push_back(std::move(use));
  }
  return found;
}

std::vector<Use> UseOfFiles(const Timeline& timeline) {
  std::map<std::string, std::map<WallTime, int>> changes;
  for (const SimulatedRun& run : timeline.runs) {
    for (const SimulatedTask& task : run.tasks) {
      if (task.writes.empty() || task.started == WallTime()) continue;
      ++changes[ProjectOf(task.writes)][task.started];
      --changes[ProjectOf(task.writes)][EndOf(task, timeline)];
    }
  }
  std::vector<Use> found;
  for (const auto& [project, of_project] : changes) {
    Use& use = found.emplace_back();
    use.name = project;
    use.slots = 1;
    FillSteps(of_project, timeline, use);
  }
  return found;
}

std::vector<FileCollision> FileCollisionsOf(const Timeline& timeline) {
  struct Write {
    WallTime began{};
    WallTime ended{};
    std::string project;
    const std::string* job = nullptr;
  };
  std::vector<Write> writes;
  for (const SimulatedRun& run : timeline.runs) {
    for (const SimulatedTask& task : run.tasks) {
      if (task.writes.empty() || task.started == WallTime()) continue;
      writes.push_back({task.started, EndOf(task, timeline), ProjectOf(task.writes), &run.job});
    }
  }
  std::sort(writes.begin(), writes.end(),
            [](const Write& a, const Write& b) { return a.began < b.began; });
  std::map<std::tuple<std::string, std::string, std::string>, FileCollision> collisions;
  std::list<const Write*> open;
  for (const Write& write : writes) {
    open.remove_if([&](const Write* other) { return other->ended <= write.began; });
    for (const Write* other : open) {
      if (other->project != write.project) continue;
      const auto& [first, second] = std::minmax(*other->job, *write.job);
      FileCollision& collision = collisions[{write.project, first, second}];
      ++collision.times;
      collision.total += std::min(other->ended, write.ended) - write.began;
    }
    open.push_back(&write);
  }
  std::vector<FileCollision> found;
  for (auto& [key, collision] : collisions) {
    std::tie(collision.project, collision.first_job, collision.second_job) = key;
    found.push_back(std::move(collision));
  }
  std::stable_sort(found.begin(), found.end(), [](const FileCollision& a, const FileCollision& b) {
    return a.total > b.total;
  });
  return found;
}

std::vector<JobOverlap> JobOverlapsOf(const Timeline& timeline) {
  std::map<std::string, JobOverlap> overlaps;
  for (const SimulatedRun& run : timeline.runs) {
    const bool is_skipped = run.state == RunState::kSkipped;
    const WallTime began = run.started == WallTime() ? timeline.to : run.started;
    const microseconds waited = is_skipped ? microseconds(0) : began - run.due;
    if (!is_skipped && waited.count() <= 0) continue;
    JobOverlap& overlap = overlaps[run.job];
    overlap.job = run.job;
    if (is_skipped) {
      ++overlap.skipped;
      continue;
    }
    ++overlap.waits;
    if (waited > overlap.longest_wait) {
      overlap.longest_wait = waited;
      overlap.longest_run = run.id;
    }
  }
  std::vector<JobOverlap> found;
  for (auto& [job, overlap] : overlaps) found.push_back(std::move(overlap));
  return found;
}

}  // namespace afluente::orchestrator
