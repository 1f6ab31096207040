#include "orchestrator/shadow/shadow_watch.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

#include "base/stop_after.h"
#include "orchestrator/schedule/zone.h"
#include "orchestrator/shadow/apply_shadows.h"
#include "orchestrator/shadow/compare_shadow.h"

namespace afluente::orchestrator {
namespace {

using std::chrono::minutes;
using std::chrono::nanoseconds;

constexpr minutes kBetweenLooks{10};
constexpr int kLooks = 3;
// So that a clock that was set is noticed.
constexpr minutes kRestMax{15};

minutes TimeOfDay(const std::string& text) {  // "06:00"
  return std::chrono::hours(std::stoi(text.substr(0, 2))) + minutes(std::stoi(text.substr(3)));
}

}  // namespace

Result<std::unique_ptr<ShadowWatch>> ShadowWatch::Open(const estate::Estate& estate, Owner& owner,
                                                       const Clock& clock) {
  std::unique_ptr<ShadowWatch> watch(new ShadowWatch(estate, owner, clock));
  const auto shadows = ShadowsOf(estate);
  AFL_ASSIGN(const auto states, StatesOf(shadows, watch->store_));
  for (const auto& [name, shadow] : shadows) {
    if (states.at(name) == ShadowState::kShadow) watch->shadows_[name] = shadow;
  }
  if (watch->shadows_.empty()) return watch;
  watch->thread_ =
      std::jthread([raw = watch.get()](const std::stop_token& stop) { raw->Work(stop); });
  return watch;
}

Result<nanoseconds> ShadowWatch::UntilDue(const std::string& integration,
                                          const estate::Shadow& shadow) {
  AFL_ASSIGN(const auto zone, schedule::Zone::Find(estate_.time_zone));
  const WallTime now = clock_.Now();
  const auto today = std::chrono::floor<std::chrono::days>(zone.ToLocal(now));
  const auto at = [&](std::chrono::local_days day) {
    return zone.FirstAt(schedule::LocalTime(day) + TimeOfDay(shadow.at));
  };
  AFL_ASSIGN(const auto days, store_.Days(integration, 1));
  const bool looked =
      !days.empty() && days.front().day == TextOf(today) && days.front().compared_at >= at(today);
  WallTime due = at(today);
  if (looked) {
    const bool again = !days.front().is_equal() && looks_[integration] < kLooks;
    due = again ? days.front().compared_at + kBetweenLooks : at(today + std::chrono::days(1));
  } else {
    looks_[integration] = 0;
  }
  return std::max<nanoseconds>(due - now, nanoseconds(0));
}

void ShadowWatch::Work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    nanoseconds rest = kRestMax;
    for (const auto& [name, shadow] : shadows_) {
      const auto left = UntilDue(name, shadow);
      if (!left.ok()) {
        spdlog::warn("{}: {}", name, left.error().message());
        continue;
      }
      rest = std::min(rest, left.value());
      if (left.value() > nanoseconds(0)) continue;
      ++looks_[name];
      const auto compared = Compare(name, stop);
      if (stop.stop_requested()) return;
      if (!compared.ok()) spdlog::warn("{}: {}", name, compared.error().message());
      rest = compared.ok() ? nanoseconds(0) : nanoseconds(kRestMax);
    }
    Rest(stop, rest);
  }
}

Result<ShadowComparison> ShadowWatch::Compare(const std::string& integration,
                                              const std::stop_token& stop) {
  const auto shadow = shadows_.find(integration);
  if (shadow == shadows_.end()) {
    return Error(ErrorKind::kNotFound, fmt::format("{} does not run in shadow", integration));
  }
  const std::lock_guard lock(one_at_a_time_);
  AFL_ASSIGN(const data::DuckConnection connection, owner_.warehouse().Connect());
  ShadowComparison compared = CompareShadow(estate_, estate_.integrations.at(integration),
                                            shadow->second, connection.get(), clock_, stop);
  if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
  AFL_TRY(store_.Record(compared));
  const std::string told = fmt::format("{} in shadow: compared with {}: {}", integration,
                                       shadow->second.compare_with, Told(compared));
  if (compared.is_equal()) {
    spdlog::info("{}", told);
  } else {
    spdlog::warn("{}", told);
  }
  return compared;
}

}  // namespace afluente::orchestrator
