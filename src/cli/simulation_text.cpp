// The simulation for people: a line a job and day, then what got into each other's way.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "cli/context.h"
#include "cli/simulation_report.h"
#include "cli/table.h"
#include "cli/units.h"

namespace afluente::cli {
namespace {

using orchestrator::SimulatedRun;
using orchestrator::Use;
using std::chrono::local_days;
using std::chrono::microseconds;

constexpr std::size_t kJobWidth = 24;
constexpr std::size_t kWhenWidth = 14;
constexpr int kCells = 48;  // Half an hour each.
constexpr std::size_t kRuleWidth = 100;
constexpr std::chrono::minutes kCell(30);

// As wide as said: cut with an ellipsis, or filled up.
std::string Fit(const std::string& text, std::size_t width) {
  std::string fit = text;
  if (DisplayWidth(fit) > width) {
    while (DisplayWidth(fit) + 1 > width) {
      do fit.pop_back();
      while (!fit.empty() && (static_cast<unsigned char>(fit.back()) & 0xC0U) == 0x80U);
    }
    fit += "…";
  }
  return fit + std::string(width - DisplayWidth(fit), ' ');
}

std::string ClockText(microseconds of_day) {
  const auto minutes = std::chrono::floor<std::chrono::minutes>(of_day);
  return fmt::format("{:02}:{:02}", minutes / std::chrono::hours(1), minutes.count() % 60);
}

struct JobDay {
  std::vector<microseconds> starts;         // On the clocks of the day.
  std::array<microseconds, kCells> busy{};  // Of each cell.
  microseconds total{0};
};

// "22:00", "01:00 13:00", "24 × every 1h"
std::string WhenText(const std::vector<microseconds>& starts) {
  if (starts.empty()) return "";
  if (starts.size() == 1) return ClockText(starts.front());
  if (starts.size() == 2) return ClockText(starts[0]) + " " + ClockText(starts[1]);
  const auto minutes = [&](std::size_t i) {
    return std::chrono::floor<std::chrono::minutes>(starts[i] - starts[i - 1]);
  };
  for (std::size_t i = 2; i < starts.size(); ++i) {
    if (minutes(i) != minutes(1)) return fmt::format("{} times", starts.size());
  }
  const auto every = minutes(1);
  const bool is_hours = every.count() % 60 == 0;
  if (every.count() == 0) return fmt::format("{} times", starts.size());
  return is_hours ? fmt::format("{} × {} h", starts.size(), every.count() / 60)
                  : fmt::format("{} × {} min", starts.size(), every.count());
}

std::string Lane(const JobDay& day) {
  static constexpr std::array kFills = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string lane;
  for (int cell = 0; cell < kCells; ++cell) {
    const auto place = static_cast<std::size_t>(cell);
    const double share = std::min(1.0, std::chrono::duration<double>(day.busy.at(place)) /
                                           std::chrono::duration<double>(kCell));
    const bool has_start = std::any_of(day.starts.begin(), day.starts.end(),
                                       [&](microseconds at) { return at / kCell == cell; });
    if (share > 0 || has_start) {
      lane += kFills.at(static_cast<std::size_t>(share * (kFills.size() - 1)));
    } else {
      lane += cell % 12 == 0 ? "┊" : " ";
    }
  }
  return lane;
}

using Days = std::map<local_days, std::map<std::string, JobDay>>;

// Cuts a run into the cells that it was running in.
void AddRun(Days& days, const SimulationReport& report, const SimulatedRun& run) {
  const Span span = RunningOf(report, run);
  if (run.started == WallTime() || run.state == orchestrator::RunState::kSkipped) return;
  const schedule::LocalTime began = report.zone.ToLocal(span.began);
  const schedule::LocalTime ended = began + (span.ended - span.began);
  const auto first_day = std::chrono::floor<std::chrono::days>(began);
  days[first_day][run.job].starts.push_back(began - first_day);
  for (schedule::LocalTime at = began; at < ended;) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const auto cell = (at - day) / kCell;
    const schedule::LocalTime end = std::min<schedule::LocalTime>(ended, day + kCell * (cell + 1));
    JobDay& part = days[day][run.job];
    part.busy.at(static_cast<std::size_t>(cell)) += end - at;
    part.total += end - at;
    at = end;
  }
}

std::vector<std::string> LinesOf(const SimulationReport& report,
                                 std::map<std::string, JobDay>& jobs) {
  std::vector<std::string> lines;
  for (const SimulatedJob& job : report.jobs) {
    const auto found = jobs.find(job.name);
    if (found == jobs.end()) continue;
    JobDay& day = found->second;
    std::sort(day.starts.begin(), day.starts.end());
    lines.push_back(fmt::format("  {} {} {} {:>9}", Fit(job.name, kJobWidth),
                                Fit(WhenText(day.starts), kWhenWidth), Lane(day),
                                FormatSpan(day.total)));
  }
  return lines;
}

std::string Bold(const std::string& text, bool for_terminal) {
  return for_terminal ? Styled(stdout, "1", text) : text;
}

std::string HoursLine(const std::string& day, bool for_terminal) {
  std::string hours;
  for (int hour = 0; hour < 24; hour += 3) hours += fmt::format("{:<6}", hour);
  return Bold(Fit(day, kJobWidth + kWhenWidth + 3), for_terminal) + " " + hours + "  running\n";
}

// A day that looks like the one before it is only named.
std::string DaysText(const SimulationReport& report, bool for_terminal) {
  Days days;
  for (const SimulatedRun& run : report.timeline.runs) AddRun(days, report, run);
  std::string text;
  std::vector<std::string> before;
  std::string same_first;
  std::string same_last;
  const auto end_same = [&] {
    if (same_first.empty()) return;
    text += same_first == same_last ? fmt::format("{}: the same\n\n", same_first)
                                    : fmt::format("{} to {}: the same\n\n", same_first, same_last);
    same_first.clear();
  };
  const auto last = report.zone.ToLocal(report.timeline.to - microseconds(1));
  for (auto day = std::chrono::floor<std::chrono::days>(report.zone.ToLocal(report.timeline.from));
       day <= last; day += std::chrono::days(1)) {
    std::vector<std::string> lines = LinesOf(report, days[day]);
    if (lines.empty()) lines.emplace_back("  nothing runs");
    if (lines == before) {
      if (same_first.empty()) same_first = DayText(day);
      same_last = DayText(day);
      continue;
    }
    end_same();
    text += HoursLine(DayText(day), for_terminal);
    for (const std::string& line : lines) text += line + "\n";
    text += "\n";
    before = std::move(lines);
  }
  end_same();
  return text;
}

std::string PoolsText(const SimulationReport& report, bool for_terminal) {
  Table table({{"pool"},
               {"slots", Align::kRight},
               {"peak", Align::kRight},
               {"at"},
               {"full", Align::kRight},
               {"waits", Align::kRight},
               {"longest", Align::kRight}});
  for (const Use& use : report.pools) {
    table.Add({use.name.empty() ? "all tasks" : use.name, std::to_string(use.slots),
               std::to_string(use.peak), use.peak == 0 ? "" : MomentText(report.zone, use.peak_at),
               FormatSpan(use.full), FormatCount(use.waits),
               use.waits == 0 ? "" : FormatSpan(use.longest_wait)});
  }
  return Bold("Pools\n", for_terminal) + table.ToString() + "\n";
}

std::string CollisionsText(const SimulationReport& report, bool for_terminal) {
  std::string text;
  if (!report.collisions.empty()) {
    Table table({{"writes one file at the same time"},
                 {"file"},
                 {"times", Align::kRight},
                 {"together", Align::kRight}});
    for (const orchestrator::FileCollision& one : report.collisions) {
      const bool is_one_job = one.first_job == one.second_job;
      table.Add({is_one_job ? one.first_job + ", two of its tasks"
                            : one.first_job + " and " + one.second_job,
                 one.project, FormatCount(one.times), FormatSpan(one.total)});
    }
    text += table.ToString() + "\n";
  }
  if (!report.overlaps.empty()) {
    Table table({{"waits for its own run before"},
                 {"runs", Align::kRight},
                 {"longest", Align::kRight},
                 {"skipped", Align::kRight}});
    for (const orchestrator::JobOverlap& one : report.overlaps) {
      table.Add({one.job, FormatCount(one.waits), FormatSpan(one.longest_wait),
                 FormatCount(one.skipped)});
    }
    text += table.ToString() + "\n";
  }
  if (text.empty())
    text = "  none: no two jobs write one file at a time, no run waits for another\n\n";
  return Bold("Collisions\n", for_terminal) + text;
}

std::string SilentText(const SimulationReport& report, bool for_terminal) {
  std::string text;
  for (const SimulatedJob& job : report.jobs) {
    if (job.silent.empty()) continue;
    text += fmt::format("  {} {}\n", Fit(job.name, kJobWidth), job.silent);
  }
  return text.empty() ? text : Bold("Without a run\n", for_terminal) + text + "\n";
}

}  // namespace

std::string ToText(const SimulationReport& report, bool for_terminal) {
  microseconds work{0};
  std::set<std::string> jobs;
  for (const SimulatedRun& run : report.timeline.runs) {
    const Span span = RunningOf(report, run);
    work += span.ended - span.began;
    jobs.insert(run.job);
  }
  std::string text = Bold(report.estate, for_terminal) +
                     fmt::format(": {} to {}, {}\n", MomentText(report.zone, report.timeline.from),
                                 MomentText(report.zone, report.timeline.to), report.zone.name());
  text += fmt::format("{} runs of {} jobs, {} in all; simulated in {:.2f} s\n",
                      FormatCount(report.timeline.runs.size()), jobs.size(), FormatSpan(work),
                      report.took_seconds);
  if (report.timeline.is_cut) {
    text += "More happens than is worth showing: the rest is left out; ask for a shorter time.\n";
  }
  text += "\n" + DaysText(report, for_terminal) + PoolsText(report, for_terminal) +
          CollisionsText(report, for_terminal) + SilentText(report, for_terminal);
  if (!report.assumed.empty()) {
    text += Bold("Assumed to take " + FormatSpan(report.assumed_duration) +
                     " a task, without a run to learn from\n",
                 for_terminal);
    text += fmt::format("  {}\n", fmt::join(report.assumed, ", "));
  }
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

}  // namespace afluente::cli
