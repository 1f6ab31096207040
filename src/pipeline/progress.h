// What a run has moved so far: written by lanes, read by whoever shows it.
#pragma once

#include <atomic>
#include <cstdint>

namespace afluente::pipeline {

/// Counters of one run. Thread-safe; only ever grow.
struct Progress {
  std::atomic<std::uint64_t> rows{0};
  std::atomic<std::uint64_t> bytes{0};  // As they came from the source.
  std::atomic<std::uint64_t> estimated_rows{0};
};

}  // namespace afluente::pipeline
