// What `afluente simulate` found, and the ways to show it.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "orchestrator/schedule/zone.h"
#include "orchestrator/simulation/simulation.h"
#include "orchestrator/simulation/use.h"

namespace afluente::cli {

struct SimulatedJob {
  std::string name;
  std::string mode;         // "snapshot", "model", "dag", ...
  std::string trigger;      // For people: its schedule, or what else triggers it.
  std::string silent;       // Why it did not run; "" when it did.
  bool is_endless = false;  // Follows something all the time, and is no run.
};

struct SimulationReport {
  std::string estate;
  schedule::Zone zone;
  orchestrator::Timeline timeline;
  std::vector<SimulatedJob> jobs;  // In the order to show them in.
  std::vector<orchestrator::Use> pools;
  std::vector<orchestrator::Use> files;
  std::vector<orchestrator::FileCollision> collisions;
  std::vector<orchestrator::JobOverlap> overlaps;
  std::vector<std::string> assumed;  // Jobs with a task that never succeeded so far.
  std::chrono::microseconds assumed_duration{0};
  double took_seconds = 0;
};

/// "Mon 2026-11-23 22:00" on the zone's clocks; with seconds when there are some.
std::string MomentText(const schedule::Zone& zone, WallTime time);
/// "Mon 2026-11-23" of a local day.
std::string DayText(std::chrono::local_days day);
/// Where a run was, clipped to what was looked at: from its start, or from when it was due.
struct Span {
  WallTime began{};
  WallTime ended{};
};
Span RunningOf(const SimulationReport& report, const orchestrator::SimulatedRun& run);

/// Lines of at most 100 columns; `for_terminal`: with colours if stdout is one.
std::string ToText(const SimulationReport& report, bool for_terminal);
/// A drawing for browsers and documents, without scripts.
std::string ToSvg(const SimulationReport& report);
nlohmann::json ToJson(const SimulationReport& report);

}  // namespace afluente::cli
