#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/simulation_report.h"
#include "cli/table.h"

namespace afluente::cli {
namespace {

using namespace std::chrono_literals;
using orchestrator::SimulatedRun;
using testing::HasSubstr;
using testing::Not;

constexpr WallTime kMonday{std::chrono::sys_days(std::chrono::year(2026) / 11 / 23) + 3h};

/// Three days of São Paulo: a job at each hour, and one at 22:00 that waits once.
SimulationReport Report() {
  auto zone = schedule::Zone::Find("America/Sao_Paulo");
  EXPECT_TRUE(zone.ok());
  SimulationReport report{"movva", zone.value(), {}, {}, {}, {}, {}, {}, {}, 1min, 0.25};
  report.timeline.from = kMonday;
  report.timeline.to = kMonday + 72h;
  const auto add = [&](const std::string& job, std::chrono::minutes at, std::chrono::minutes waits,
                       std::chrono::minutes takes) {
    SimulatedRun& run = report.timeline.runs.emplace_back();
    run.id = run.job = job;
    run.state = orchestrator::RunState::kSucceeded;
    run.due = kMonday + at;
    run.started = run.due + waits;
    run.ended = run.started + takes;
  };
  for (int hour = 0; hour < 72; ++hour) add("a<b>&c", std::chrono::hours(hour), 0min, 10min);
  for (int day = 0; day < 3; ++day) add("nightly", 22h + 24h * day, 5min * (day / 2), 40min);
  report.jobs = {{"a<b>&c", "snapshot", "0 * * * *", "", false},
                 {"nightly", "model", "0 22 * * *", "", false},
                 {"never", "dag", "0 0 1 1 *", "0 0 1 1 *: never fires again", false}};
  report.pools = orchestrator::UseOfPools(report.timeline, {{"few", 2}}, 16);
  report.collisions = {{"dw", "a<b>&c", "nightly", 3, 30min}};
  report.overlaps = orchestrator::JobOverlapsOf(report.timeline);
  report.assumed = {"nightly"};
  return report;
}

TEST(SimulationTextTest, FitsATerminalAndFoldsEqualDays) {
  const std::string text = ToText(Report(), false);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 100U) << line;
  EXPECT_THAT(text, HasSubstr("Mon 2026-11-23"));
  EXPECT_THAT(text, HasSubstr("24 × 1 h"));
  EXPECT_THAT(text, HasSubstr("nightly                  22:00 "));
  EXPECT_THAT(text, HasSubstr("Tue 2026-11-24: the same"));
  EXPECT_THAT(text, HasSubstr("22:05")) << "Wednesday's waited";
  EXPECT_THAT(text, HasSubstr("a<b>&c and nightly"));
  EXPECT_THAT(text, HasSubstr("never fires again"));
  EXPECT_THAT(text, HasSubstr("Assumed to take 1 min a task"));
}

TEST(SimulationSvgTest, IsWellFormedWhateverJobsAreCalled) {
  const std::string svg = ToSvg(Report());
  EXPECT_TRUE(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_THAT(svg, HasSubstr("a&lt;b&gt;&amp;c"));
  EXPECT_THAT(svg, Not(HasSubstr("a<b>")));
  EXPECT_THAT(svg, HasSubstr("nightly Wed 2026-11-25 22:00 waits 5 min"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace afluente::cli
