// What pools and the warehouse's files had to bear in a simulation, and where runs got into each
// other's way.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "orchestrator/simulation/simulation.h"

namespace afluente::orchestrator {

/// Something that tasks share, over time.
struct Use {
  struct Step {
    WallTime at{};  // From here on.
    int used = 0;
  };
  std::string name;
  int slots = 0;
  std::vector<Step> steps;
  int peak = 0;
  WallTime peak_at{};
  std::chrono::microseconds full{0};  // How long no slot was free.
  std::size_t waits = 0;              // Tasks that waited for a slot.
  std::chrono::microseconds waited{0};
  std::chrono::microseconds longest_wait{0};
  std::string longest_run;  // That waited so long.
};

/// Two jobs that wrote one file of the warehouse at a time.
struct FileCollision {
  std::string project;
  std::string first_job;  // By name.
  std::string second_job;
  std::size_t times = 0;
  std::chrono::microseconds total{0};
};

/// A job whose runs got into each other's way.
struct JobOverlap {
  std::string job;
  std::size_t waits = 0;  // Runs that waited for another one.
  std::chrono::microseconds longest_wait{0};
  std::string longest_run;
  std::size_t skipped = 0;
};

/// By name; "" is the slots that all tasks share.
std::vector<Use> UseOfPools(const Timeline& timeline, const std::map<std::string, int>& pools,
                            int max_tasks);
/// The files of projects that were written, with the one writer that waits for nobody as their
/// slot.
std::vector<Use> UseOfFiles(const Timeline& timeline);
/// The longest first.
std::vector<FileCollision> FileCollisionsOf(const Timeline& timeline);
/// Those with any, by name.
std::vector<JobOverlap> JobOverlapsOf(const Timeline& timeline);

}  // namespace afluente::orchestrator
