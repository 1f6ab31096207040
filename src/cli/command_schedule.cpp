#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "estate/quantities.h"
#include "orchestrator/jobs.h"
#include "orchestrator/schedule/schedule.h"

namespace afluente::cli {
namespace {

using nlohmann::json;
using schedule::Schedule;

constexpr std::size_t kWhyWidthMax = 200;

struct ScheduleFlags {
  std::string job;
  std::uint32_t next = 10;
  std::string from;
};

struct DueJob {
  std::string job;
  schedule::Fire fire;
  schedule::DataInterval interval;
};

DueJob DueOf(const std::string& job, const Schedule& schedule, schedule::Fire fire) {
  const schedule::DataInterval interval = schedule.IntervalOf(fire.nominal);
  return {job, std::move(fire), interval};
}

// "Sun 2018-11-04 01:00:00 -02:00"
std::string ForPeople(const schedule::Fire& fire) {
  const auto local = std::chrono::floor<std::chrono::seconds>(fire.at) + fire.offset;
  const std::time_t shown = local.time_since_epoch().count();
  std::string text = fire.LocalText();
  text[text.find('T')] = ' ';
  text.insert(text.size() - 6, " ");
  return fmt::format("{:%a} {}", fmt::gmtime(shown), text);
}

json ToJson(const DueJob& due) {
  return {
      {"job", due.job},
      {"at", FormatRfc3339(due.fire.at)},
      {"nominal", FormatRfc3339(due.fire.nominal)},
      {"local", due.fire.LocalText()},
      {"zone", due.fire.zone},
      {"offset_seconds", due.fire.offset.count()},
      {"interval",
       {{"begin", FormatRfc3339(due.interval.begin)}, {"end", FormatRfc3339(due.interval.end)}}},
      {"why", due.fire.why}};
}

// The times of `job`, at most `count` of them. What is due at `from` belongs to them.
std::vector<DueJob> TimesOf(const std::string& job, const Schedule& schedule, WallTime from,
                            std::uint32_t count) {
  std::vector<DueJob> times;
  WallTime after = from - std::chrono::microseconds(1);
  while (times.size() < count) {
    std::optional<schedule::Fire> fire = schedule.Next(after);
    if (!fire) break;
    after = fire->nominal;
    times.push_back(DueOf(job, schedule, std::move(*fire)));
  }
  return times;
}

Result<WallTime> FromOf(const ScheduleFlags& chosen) {
  if (chosen.from.empty()) return SystemClock().Now();
  const std::optional<WallTime> from = estate::ParseTime(chosen.from);
  if (from) return *from;
  return Error(ErrorKind::kInvalidConfig,
               "--from: " + chosen.from +
                   " is no moment; write it as 2018-11-01T00:00:00-03:00, or with Z for UTC");
}

struct ScheduledJob {
  std::string name;
  const estate::Trigger* trigger = nullptr;
};

// The jobs to look at: the named one, or all that have a schedule.
Result<std::vector<ScheduledJob>> JobsOf(const estate::Estate& estate, const std::string& name) {
  std::vector<ScheduledJob> jobs;
  if (!name.empty()) {
    AFL_ASSIGN(const estate::Estate::Job job, estate.FindJob(name));
    jobs.push_back({orchestrator::NameOf(job), &orchestrator::TriggerOf(job)});
    if (!jobs.front().trigger->schedules.empty()) return jobs;
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("job \"{}\" has no schedule: add a trigger with \"cron\" or \"every\"",
                             jobs.front().name));
  }
  for (const estate::Estate::Job& job : orchestrator::AllJobs(estate)) {
    const estate::Trigger& trigger = orchestrator::TriggerOf(job);
    if (!trigger.schedules.empty()) jobs.push_back({orchestrator::NameOf(job), &trigger});
  }
  return jobs;
}

void Print(const std::vector<DueJob>& times, bool one_job) {
  std::vector<Table::Heading> headings = {{"local"}, {"zone"}, {"UTC"}, {"why"}};
  if (!one_job) headings.insert(headings.begin(), {"job"});
  Table table(std::move(headings));
  for (const DueJob& due : times) {
    const std::time_t utc =
        std::chrono::floor<std::chrono::seconds>(due.fire.at).time_since_epoch().count();
    std::vector<std::string> cells = {ForPeople(due.fire), due.fire.zone,
                                      fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(utc)),
                                      due.fire.why};
    if (!one_job) cells.insert(cells.begin(), due.job);
    table.Add(std::move(cells));
  }
  fmt::print("{}", table.ToString(kWhyWidthMax));
}

Result<int> ShowSchedule(const GlobalFlags& flags, const ScheduleFlags& chosen) {
  AFL_ASSIGN(const estate::Estate estate, LoadCleanEstate(flags));
  AFL_ASSIGN(const WallTime from, FromOf(chosen));
  AFL_ASSIGN(const auto jobs, JobsOf(estate, chosen.job));
  const bool one_job = !chosen.job.empty();
  std::vector<DueJob> times;
  std::vector<std::string> never;
  for (const ScheduledJob& job : jobs) {
    AFL_ASSIGN(const Schedule schedule, Schedule::Make(job.name, job.trigger->schedules, estate));
    std::vector<DueJob> found = TimesOf(job.name, schedule, from, one_job ? chosen.next : 1);
    if (found.empty()) never.push_back(job.name);
    std::move(found.begin(), found.end(), std::back_inserter(times));
  }
  std::stable_sort(times.begin(), times.end(),
                   [](const DueJob& a, const DueJob& b) { return a.fire.at < b.fire.at; });
  if (flags.json) {
    json fires = json::array();
    for (const DueJob& due : times) fires.push_back(ToJson(due));
    const json document = {
        {"from", FormatRfc3339(from)}, {"fires", std::move(fires)}, {"never", never}};
    fmt::print("{}\n", document.dump(2));
  } else {
    if (!times.empty()) Print(times, one_job);
    if (jobs.empty()) fmt::print("no job has a schedule\n");
    for (const std::string& job : never) {
      fmt::print("{} does not fire again: its `until` has passed\n", job);
    }
  }
  return one_job && times.empty() ? kNo : kOk;
}

}  // namespace

void AddScheduleCommand(const CommandContext& context) {
  auto chosen = std::make_shared<ScheduleFlags>();
  CLI::App* command =
      AddCommand(context, "schedule", "Show when jobs are due, and why then",
                 "  afluente schedule                            # the next time of every job\n"
                 "  afluente schedule user-integration --next 20\n"
                 "  afluente schedule user-integration --from 2018-11-01T00:00:00-03:00 --json",
                 [&flags = context.flags, chosen] { return ShowSchedule(flags, *chosen); });
  command->add_option("JOB", chosen->job, "An integration or model with a schedule (default: all)");
  command->add_option("--next", chosen->next, "How many times of JOB")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--from", chosen->from,
                      "The moment to look from, as 2018-11-01T00:00:00-03:00 (default: now)");
}

}  // namespace afluente::cli
