#include "orchestrator/simulation/durations.h"

#include <algorithm>
#include <vector>

namespace afluente::orchestrator {

Result<Durations> Durations::Read(SqliteFile& runs) {
  // A run of `afluente run` has no attempts; its job is its only task.
  AFL_ASSIGN(const auto rows, runs.Select(R"(
SELECT job, task, seconds FROM (
  SELECT job, task, seconds, row_number() OVER (PARTITION BY job, task ORDER BY began DESC) AS n
  FROM (
    SELECT r.job, a.task, a.seconds, a.started_us AS began FROM attempts a JOIN runs r ON r.id = a.run
    WHERE a.state = 'succeeded'
    UNION ALL
    SELECT job, job, seconds, CAST(strftime('%s', started_at) AS INTEGER) * 1000000 FROM runs
    WHERE state = 'succeeded' AND NOT EXISTS (SELECT 1 FROM tasks WHERE run = runs.id)))
WHERE n <= 50 ORDER BY job, task)"));
  std::map<std::pair<std::string, std::string>, std::vector<double>> seconds;
  for (const auto& row : rows) seconds[{row[0], row[1]}].push_back(std::stod(row[2]));
  Durations durations;
  for (auto& [task, all] : seconds) {
    const auto middle = all.begin() + std::ssize(all) / 2;
    std::nth_element(all.begin(), middle, all.end());
    constexpr double kMicro = 1e6;
    durations.medians_[task] =
        std::chrono::microseconds(static_cast<std::int64_t>(*middle * kMicro));
  }
  return durations;
}

std::optional<std::chrono::microseconds> Durations::Find(const std::string& job,
                                                         const std::string& task) const {
  const auto found = medians_.find({job, task});
  return found == medians_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace afluente::orchestrator
