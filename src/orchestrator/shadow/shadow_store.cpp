#include "orchestrator/shadow/shadow_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/schedule/zone.h"

namespace afluente::orchestrator {
namespace {

ShadowState ParseState(std::string_view name) {
  for (const ShadowState state :
       {ShadowState::kCuttingOver, ShadowState::kLive, ShadowState::kRollingBack}) {
    if (NameOf(state) == name) return state;
  }
  return ShadowState::kShadow;
}

std::string MicrosecondsOf(WallTime time) {
  return std::to_string(time.time_since_epoch().count());
}

}  // namespace

std::string_view NameOf(ShadowState state) {
  switch (state) {
    case ShadowState::kShadow:
      return "shadow";
    case ShadowState::kCuttingOver:
      return "cutting_over";
    case ShadowState::kLive:
      return "live";
    case ShadowState::kRollingBack:
      return "rolling_back";
  }
  return "shadow";
}

Result<std::map<std::string, ShadowState>> ShadowStore::States() {
  AFL_ASSIGN(const auto rows, file_.Select("SELECT integration, state FROM shadows"));
  std::map<std::string, ShadowState> states;
  for (const auto& row : rows) states[row[0]] = ParseState(row[1]);
  return states;
}

Status ShadowStore::Set(const std::string& integration, ShadowState state, WallTime now) {
  AFL_TRY(file_.Execute("REPLACE INTO shadows VALUES (?, ?, CAST(? AS INTEGER))",
                        {integration, std::string(NameOf(state)), MicrosecondsOf(now)}));
  return Done{};
}

Status ShadowStore::Record(const ShadowComparison& comparison) {
  AFL_TRY(file_.Execute(
      "REPLACE INTO shadow_comparisons VALUES (?, CAST(? AS INTEGER), ?, CAST(? AS INTEGER), "
      "CAST(? AS INTEGER), CAST(? AS INTEGER), ?, ?)",
      {comparison.integration, MicrosecondsOf(comparison.compared_at), comparison.day,
       std::to_string(comparison.old_rows), std::to_string(comparison.new_rows),
       std::to_string(comparison.differences), comparison.notes, comparison.error}));
  return Done{};
}

Result<std::vector<ShadowComparison>> ShadowStore::Days(const std::string& integration, int days) {
  AFL_ASSIGN(const auto rows,
             file_.Select(fmt::format("SELECT integration, max(compared_us), day, old_rows, "
                                      "new_rows, differences, notes, error FROM "
                                      "shadow_comparisons WHERE integration = ? GROUP BY day ORDER "
                                      "BY day DESC LIMIT {}",
                                      days),
                          {integration}));
  std::vector<ShadowComparison> found;
  for (const auto& row : rows) {
    found.push_back({row[0], WallTime(std::chrono::microseconds(std::stoll(row[1]))), row[2],
                     std::stoull(row[3]), std::stoull(row[4]), std::stoull(row[5]), row[6],
                     row[7]});
  }
  return found;
}

std::string TextOf(std::chrono::local_days day) {
  const std::chrono::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

Result<std::chrono::local_days> DayOf(WallTime time, const std::string& zone) {
  AFL_ASSIGN(const auto found, schedule::Zone::Find(zone));
  return std::chrono::floor<std::chrono::days>(found.ToLocal(time));
}

std::string Told(const ShadowComparison& comparison) {
  if (!comparison.error.empty()) return "failed: " + comparison.error;
  if (comparison.differences == 0) return "equal";
  return fmt::format("{} of {} rows differ", comparison.differences, comparison.old_rows);
}

std::string WhyNotEqual(const std::vector<ShadowComparison>& days, int wanted,
                        std::chrono::local_days today) {
  const auto of_day = [&](std::chrono::local_days day) -> const ShadowComparison* {
    const auto found = std::find_if(days.begin(), days.end(), [&](const ShadowComparison& one) {
      return one.day == TextOf(day);
    });
    return found == days.end() ? nullptr : &*found;
  };
  const auto last = of_day(today) != nullptr ? today : today - std::chrono::days(1);
  std::string told;
  for (int back = 0; back < wanted; ++back) {
    const auto day = last - std::chrono::days(back);
    const ShadowComparison* comparison = of_day(day);
    if (comparison != nullptr && comparison->is_equal()) continue;
    told += fmt::format("{}{}: {}", told.empty() ? "" : "; ", TextOf(day),
                        comparison == nullptr ? "not compared" : Told(*comparison));
  }
  return told;
}

}  // namespace afluente::orchestrator
