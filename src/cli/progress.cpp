#include "cli/progress.h"

#include <fmt/format.h>

#include "cli/units.h"

namespace afluente::cli {
namespace {

constexpr auto kLiveStep = std::chrono::milliseconds(200);
constexpr auto kLineStep = std::chrono::seconds(10);

}  // namespace

ProgressLine::ProgressLine(std::string integration, const pipeline::Progress& progress,
                           ProgressStyle style)
    : integration_(std::move(integration)),
      progress_(progress),
      style_(style),
      began_(SystemClock().Monotonic()) {
  if (style_ != ProgressStyle::kSilent) thread_ = std::thread([this] { Show(); });
}

ProgressLine::~ProgressLine() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::string ProgressLine::Text() const {
  const std::uint64_t rows = progress_.rows;
  const std::uint64_t bytes = progress_.bytes;
  const std::uint64_t estimated = progress_.estimated_rows;
  const double seconds = std::chrono::duration<double>(SystemClock().Monotonic() - began_).count();
  std::string text =
      fmt::format("{}  {} rows  {} MB  {:.0f} MB/s", integration_, FormatCount(rows),
                  FormatMegabytes(bytes), static_cast<double>(bytes) / 1e6 / seconds);
  if (rows != 0 && estimated > rows) {
    const double left = seconds * static_cast<double>(estimated - rows) / static_cast<double>(rows);
    text += fmt::format("  {}%  {} left", rows * 100 / estimated, FormatSeconds(left));
  }
  return text;
}

void ProgressLine::Show() {
  const bool live = style_ == ProgressStyle::kLive;
  bool shown = false;
  std::unique_lock lock(mutex_);
  while (true) {
    const auto step =
        live ? std::chrono::nanoseconds(kLiveStep) : std::chrono::nanoseconds(kLineStep);
    if (changed_.wait_for(lock, step, [this] { return done_; })) break;
    fmt::print(stderr, "{}{}{}", live ? "\r\x1b[K" : "", Text(), live ? "" : "\n");
    std::fflush(stderr);
    shown = true;
  }
  if (live && shown) fmt::print(stderr, "\r\x1b[K");
}

}  // namespace afluente::cli
