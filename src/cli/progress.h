// The live line of a run.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "pipeline/progress.h"

namespace afluente::cli {

enum class ProgressStyle : std::uint8_t {
  kSilent,
  kLines,  // A plain line every ten seconds, for logs.
  kLive,   // One line that is written over, for terminals.
};

/// Shows `progress` of `integration` on stderr while it lives; leaves no trace
/// of the live line. Borrows the progress.
class ProgressLine {
 public:
  ProgressLine(std::string integration, const pipeline::Progress& progress, ProgressStyle style);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

 private:
  void Show();
  std::string Text() const;

  const std::string integration_;
  const pipeline::Progress& progress_;
  const ProgressStyle style_;
  const std::chrono::nanoseconds began_;
  std::mutex mutex_;  // Guards done_.
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace afluente::cli
