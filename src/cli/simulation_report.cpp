#include "cli/simulation_report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "estate/calendar.h"

namespace afluente::cli {
namespace {

using nlohmann::json;
using orchestrator::SimulatedRun;
using orchestrator::SimulatedTask;
using orchestrator::Use;

double Seconds(std::chrono::microseconds span) {
  return std::chrono::duration<double>(span).count();
}

// null for a time that did not come.
json Time(WallTime time) { return time == WallTime() ? json() : json(FormatRfc3339(time)); }

json ToJson(const SimulatedRun& run) {
  json tasks = json::array();
  for (const SimulatedTask& task : run.tasks) {
    tasks.push_back({{"task", task.task},
                     {"pool", task.pool},
                     {"slots", task.slots},
                     {"writes", task.writes},
                     {"ready", Time(task.ready)},
                     {"started", Time(task.started)},
                     {"ended", Time(task.ended)}});
  }
  return {{"run_id", run.id},
          {"job", run.job},
          {"trigger", run.trigger},
          {"state", NameOf(run.state)},
          {"why", run.why},
          {"due", Time(run.due)},
          {"started", Time(run.started)},
          {"ended", Time(run.ended)},
          {"tasks", std::move(tasks)}};
}

json ToJson(const Use& use) {
  json steps = json::array();
  for (const Use::Step& step : use.steps) {
    steps.push_back({{"at", FormatRfc3339(step.at)}, {"used", step.used}});
  }
  return {{"name", use.name},
          {"slots", use.slots},
          {"peak", use.peak},
          {"peak_at", Time(use.peak_at)},
          {"full_seconds", Seconds(use.full)},
          {"waits", use.waits},
          {"waited_seconds", Seconds(use.waited)},
          {"longest_wait_seconds", Seconds(use.longest_wait)},
          {"longest_run", use.longest_run},
          {"steps", std::move(steps)}};
}

template <class T>
json Array(const std::vector<T>& all) {
  json array = json::array();
  for (const T& one : all) array.push_back(ToJson(one));
  return array;
}

}  // namespace

std::string DayText(std::chrono::local_days day) {
  return fmt::format("{:%a} {}",
                     fmt::gmtime(std::time_t{day.time_since_epoch() / std::chrono::seconds(1)}),
                     estate::FormatDay(day));
}

std::string MomentText(const schedule::Zone& zone, WallTime time) {
  const schedule::LocalTime local = zone.ToLocal(time);
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(local - day));
  std::string text =
      fmt::format("{} {:02}:{:02}", DayText(day), clock.hours().count(), clock.minutes().count());
  if (clock.seconds().count() != 0) text += fmt::format(":{:02}", clock.seconds().count());
  return text;
}

Span RunningOf(const SimulationReport& report, const SimulatedRun& run) {
  const orchestrator::Timeline& timeline = report.timeline;
  if (run.started == WallTime()) return {timeline.to, timeline.to};
  const WallTime ended = run.ended == WallTime() ? timeline.to : std::min(run.ended, timeline.to);
  return {std::max(run.started, timeline.from), ended};
}

json ToJson(const SimulationReport& report) {
  json silent = json::array();
  for (const SimulatedJob& job : report.jobs) {
    if (!job.silent.empty()) silent.push_back({{"job", job.name}, {"why", job.silent}});
  }
  json collisions = json::array();
  for (const orchestrator::FileCollision& one : report.collisions) {
    collisions.push_back({{"project", one.project},
                          {"jobs", {one.first_job, one.second_job}},
                          {"times", one.times},
                          {"seconds", Seconds(one.total)}});
  }
  json overlaps = json::array();
  for (const orchestrator::JobOverlap& one : report.overlaps) {
    overlaps.push_back({{"job", one.job},
                        {"waits", one.waits},
                        {"longest_wait_seconds", Seconds(one.longest_wait)},
                        {"longest_run", one.longest_run},
                        {"skipped", one.skipped}});
  }
  return {{"estate", report.estate},
          {"from", FormatRfc3339(report.timeline.from)},
          {"to", FormatRfc3339(report.timeline.to)},
          {"is_cut", report.timeline.is_cut},
          {"zone", report.zone.name()},
          {"simulated_in_seconds", report.took_seconds},
          {"runs", Array(report.timeline.runs)},
          {"pools", Array(report.pools)},
          {"files", Array(report.files)},
          {"collisions", std::move(collisions)},
          {"overlaps", std::move(overlaps)},
          {"silent", std::move(silent)},
          {"assumed", report.assumed},
          {"assumed_seconds", Seconds(report.assumed_duration)}};
}

}  // namespace afluente::cli
