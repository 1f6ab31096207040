#include "orchestrator/backfill.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "estate/calendar.h"
#include "estate/quantities.h"
#include "orchestrator/jobs.h"
#include "orchestrator/schedule/schedule.h"
#include "orchestrator/schedule/zone.h"

namespace afluente::orchestrator {
namespace {

Error Unfit(const std::string& message) { return {ErrorKind::kInvalidConfig, message}; }

// Whether what its runs do depends on the interval that they are of.
Status CheckJob(const estate::Estate::Job& job) {
  if (job.integration != nullptr) {
    return Unfit(fmt::format(
        "{0} reads from where it came to, not by interval: `afluente run {0} --full-refresh` reads "
        "everything again",
        job.integration->name));
  }
  if (job.model != nullptr && job.model->materialize != estate::Materialize::kIncremental) {
    return Unfit(fmt::format("{0} is built as a whole at each run: `afluente run {0}` is enough",
                             job.model->name));
  }
  if (TriggerOf(job).schedules.empty()) {
    return Unfit(
        fmt::format("{} has no schedule, so nothing says which runs there should be", NameOf(job)));
  }
  return Done{};
}

Result<std::set<std::string>> Succeeded(SqliteFile& history, const std::string& job) {
  AFL_ASSIGN(const auto rows,
             history.Select("SELECT DISTINCT nominal_us FROM runs WHERE job = ? AND state = "
                            "'succeeded'",
                            {job}));
  std::set<std::string> nominal;
  for (const auto& row : rows) nominal.insert(row.front());
  return nominal;
}

Result<std::optional<double>> MedianSeconds(SqliteFile& history, const std::string& job) {
  AFL_ASSIGN(const auto rows,
             history.Select("SELECT seconds FROM (SELECT (ended_us - started_us) / 1e6 AS seconds "
                            "FROM runs WHERE job = ? AND state = 'succeeded' AND started_us > 0 "
                            "ORDER BY started_us DESC LIMIT 100) ORDER BY seconds",
                            {job}));
  if (rows.empty()) return std::optional<double>();
  return std::optional(std::strtod(rows[rows.size() / 2].front().c_str(), nullptr));
}

}  // namespace

Result<BackfillPlan> PlanBackfill(const estate::Estate& estate, const BackfillRequest& request,
                                  SqliteFile* history) {
  AFL_ASSIGN(const estate::Estate::Job job, estate.FindJob(request.job));
  AFL_TRY(CheckJob(job));
  if (request.from >= request.to) return Unfit("--from is not before --to");
  BackfillPlan plan;
  plan.job = NameOf(job);
  AFL_ASSIGN(const auto schedule,
             schedule::Schedule::Make(plan.job, TriggerOf(job).schedules, estate));
  std::set<std::string> succeeded;
  if (history != nullptr && request.missing_only) {
    AFL_ASSIGN(succeeded, Succeeded(*history, plan.job));
  }
  for (auto fire = schedule.Next(request.from); fire; fire = schedule.Next(fire->nominal)) {
    const schedule::DataInterval interval = schedule.IntervalOf(fire->nominal);
    if (interval.begin >= request.to) break;
    if (interval.begin < request.from) continue;
    if (succeeded.contains(std::to_string(fire->nominal.time_since_epoch().count()))) {
      ++plan.left_out;
      continue;
    }
    plan.runs.push_back({fire->nominal, fire->nominal, interval.begin});
    if (plan.runs.size() <= kBackfillRunsMax) continue;
    return Unfit(
        fmt::format("that would be more than {} runs: take a shorter stretch", kBackfillRunsMax));
  }
  if (history != nullptr) {
    AFL_ASSIGN(const auto median, MedianSeconds(*history, plan.job));
    if (median) plan.seconds = *median * static_cast<double>(plan.runs.size());
  }
  return plan;
}

Result<WallTime> ParseBackfillTime(const estate::Estate& estate, const std::string& job,
                                   const std::string& what, const std::string& text) {
  if (const auto moment = estate::ParseTime(text)) return *moment;
  const auto day = estate::ParseDay(text);
  if (!day) {
    return Unfit(fmt::format(
        "{}: {} is neither a day, such as 2026-03-01, nor a moment, such as 2026-03-01T06:00:00Z",
        what, text));
  }
  AFL_ASSIGN(const estate::Estate::Job found, estate.FindJob(job));
  const auto& schedules = TriggerOf(found).schedules;
  AFL_ASSIGN(const auto zone,
             schedule::Zone::Find(schedules.empty() ? estate.time_zone : schedules.front().zone));
  return zone.FirstAt(schedule::LocalTime(*day));
}

}  // namespace afluente::orchestrator
