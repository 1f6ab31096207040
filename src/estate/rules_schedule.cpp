// Schedules: calendars that exist, days that are left to fire on, jitter that fits.
#include <algorithm>
#include <bit>

#include "estate/calendar.h"
#include "estate/cron.h"
#include "estate/quantities.h"
#include "estate/rules.h"

namespace afluente::estate {
namespace {

using std::chrono::local_days;
using std::chrono::milliseconds;
using std::chrono::minutes;
using namespace std::chrono_literals;

// Whether a day is left in [first, last].
bool CanFire(const std::optional<Cron>& cron, const ExceptedDays& excepted, local_days first,
             local_days last) {
  for (local_days day = first; day <= last;) {
    const std::chrono::year_month_day date(day);
    const std::chrono::year_month month = date.year() / date.month();
    const local_days month_end(month / std::chrono::last);
    const bool admits_month =
        !cron || (cron->months >> static_cast<unsigned>(date.month()) & 1U) != 0;
    const std::uint32_t days = admits_month ? (cron ? cron->DaysOf(month) : ~0U) : 0;
    while (day <= month_end && day <= last) {
      const auto number = static_cast<unsigned>(std::chrono::year_month_day(day).day());
      const std::uint32_t left = days >> number;
      if (left == 0) break;
      day += std::chrono::days(std::countr_zero(left));
      if (day > last) return false;
      if (!excepted.Contains(day)) return true;
      day = excepted.EndOfRange(day);
    }
    day = std::max(day, month_end + std::chrono::days(1));
  }
  return false;
}

// The least time between two fires of a day, or of two days in a row.
minutes ShortestPeriod(const Cron& cron) {
  constexpr minutes kDay = 24h;
  minutes shortest = kDay;
  std::optional<minutes> first;
  std::optional<minutes> last;
  for (unsigned hour = 0; hour < 24; ++hour) {
    if ((cron.hours >> hour & 1U) == 0) continue;
    for (std::uint64_t left = cron.minutes; left != 0; left &= left - 1) {
      const minutes time = hour * 60min + minutes(std::countr_zero(left));
      if (last) shortest = std::min(shortest, time - *last);
      if (!first) first = time;
      last = time;
    }
  }
  return first && last ? std::min(shortest, *first + kDay - *last) : shortest;
}

class ScheduleCheck {
 public:
  ScheduleCheck(const EstateDocs& docs, const ScheduleSpec& spec, const YamlNode& node,
                std::vector<Finding>& findings)
      : docs_(docs), spec_(spec), node_(node), findings_(findings) {
    if (const Result<Cron> cron = ParseCron(spec.cron); cron.ok()) cron_ = cron.value();
  }

  void Check() {
    const bool broken = node_.Find({"cron"}) == nullptr && node_.Find({"every"}) == nullptr;
    if (broken) return;
    CheckEvery();
    CheckJitter();
    CheckDays();
  }

 private:
  void Report(std::string_view key, const std::string& message) {
    findings_.push_back({node_.MarkOf({key}), "trigger." + std::string(key) + message});
  }

  void CheckEvery() {
    if (node_.Find({"every"}) == nullptr || spec_.every >= 1s) return;
    Report("every", ": expected at least 1s, not " + FormatDuration(spec_.every));
  }

  void CheckJitter() {
    if (spec_.jitter == 0s || (!cron_ && spec_.every < 1s)) return;
    const milliseconds period = cron_ ? ShortestPeriod(*cron_) : spec_.every;
    if (spec_.jitter < period) return;
    Report("jitter", ": " + FormatDuration(spec_.jitter) + " is not less than the " +
                         FormatDuration(period) +
                         " between two fires, which could change places: shorten it");
  }

  void CheckDays() {
    if (spec_.from && spec_.until && *spec_.until < *spec_.from) {
      return Report("until", ": " + FormatDay(*spec_.until) + " is before from, " +
                                 FormatDay(*spec_.from) + ", so it never fires");
    }
    if (!CheckCalendars()) return;
    const Result<ExceptedDays> excepted = ExceptedDays::Make(spec_.except, docs_.estate.calendars);
    if (!excepted.ok() || (excepted.value().empty() && !spec_.from && !spec_.until)) return;
    // Weekdays, leap days and what follows Easter come in every combination that matters.
    constexpr local_days kFirst{std::chrono::year(2000) / 1 / 1};
    constexpr auto kYears = std::chrono::days(40 * 366);
    const local_days first = spec_.from.value_or(spec_.until ? *spec_.until - kYears : kFirst);
    const local_days last = std::min(spec_.until.value_or(first + kYears), first + kYears);
    if (CanFire(cron_, excepted.value(), first, last)) return;
    const std::string_view key =
        node_.Lacks({"except"}) ? (spec_.until ? "until" : "from") : "except";
    Report(key,
           ": no day is left on which " + spec_.ToString() + " could fire: change one of the two");
  }

  // Whether all that `except` names is there.
  bool CheckCalendars() {
    const YamlNode* except = node_.Find({"except"});
    if (except == nullptr) return node_.Lacks({"except"});
    bool known = true;
    const auto check = [&](const YamlNode& element) {
      if (!element.sound) known = false;
      if (!element.sound || !IsCalendarName(element.text)) return;
      const auto excepted = ExceptedDays::Make({element.text}, docs_.estate.calendars);
      if (excepted.ok()) return;
      known = false;
      // A declared calendar that is broken is told where it stands.
      const bool declared = !docs_.root || !docs_.root->Lacks({"calendars", element.text});
      if (declared) return;
      findings_.push_back({element.mark, "trigger.except: " + excepted.error().message()});
    };
    if (except->kind == YamlNode::Kind::kScalar) check(*except);
    for (const YamlNode& element : except->items) check(element);
    return known;
  }

  const EstateDocs& docs_;
  const ScheduleSpec& spec_;
  const YamlNode& node_;
  std::vector<Finding>& findings_;
  std::optional<Cron> cron_;
};

}  // namespace

void CheckSchedules(const EstateDocs& docs, const Trigger& trigger, const YamlNode& job,
                    std::vector<Finding>& findings) {
  const YamlNode* node = job.Find({"trigger"});
  if (node == nullptr) return;
  if (node->kind == YamlNode::Kind::kList && node->items.empty()) {
    findings.push_back(
        {node->mark, "trigger: the list holds no schedule: add one, or remove the key"});
  }
  for (const ScheduleSpec& spec : trigger.schedules) {
    const YamlNode* own = node;
    for (const YamlNode& item : node->items) {
      if (item.mark.line == spec.mark.line && item.mark.column == spec.mark.column) own = &item;
    }
    ScheduleCheck(docs, spec, *own, findings).Check();
  }
}

}  // namespace afluente::estate
