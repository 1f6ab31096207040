// When a job runs, and what it promises.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "estate/address.h"

namespace afluente::estate {

enum class Gap : std::uint8_t { kShift, kSkip };
enum class Overlap : std::uint8_t { kFirst, kLast, kBoth };
enum class AlertLevel : std::uint8_t { kInfo, kWarning, kCritical };
std::string_view NameOf(AlertLevel level);

/// Days of the civil calendar, both ends included.
struct DayRange {
  std::chrono::local_days first;
  std::chrono::local_days last;
};

/// Named days that schedules may leave out.
struct Calendar {
  std::vector<DayRange> days;
  Mark mark;
};

/// One schedule of a job. Exactly one of cron and every is set.
struct ScheduleSpec {
  std::string cron;
  std::chrono::milliseconds every{0};
  WallTime anchor{};                // every: the fires are whole multiples of it away from here.
  std::string zone;                 // IANA. Defaults to the estate's time zone.
  std::optional<Gap> gap;           // cron; unset: as the hour field says (docs/schedules.md).
  std::optional<Overlap> overlap;   // The same.
  std::vector<std::string> except;  // Dates, ranges of dates, names of calendars.
  std::chrono::milliseconds jitter{0};
  std::optional<std::chrono::local_days> from;   // In the zone, included.
  std::optional<std::chrono::local_days> until;  // The same.
  Mark mark;

  /// The cron text or "every 15m", as people wrote it.
  std::string ToString() const;
};

struct Trigger {
  enum class Kind : std::uint8_t {
    kNone,
    kSchedule,
    kContinuous,
    kChange,
    kAsset,
    kWebhook,
    kTopic
  };
  Kind kind = Kind::kNone;
  std::vector<ScheduleSpec> schedules;  // kSchedule: at least one.
  std::string subject;           // kChange: connection:schema.table; kAsset: project.dataset.table;
                                 // kWebhook: a path; kTopic: a topic. Defaults to the source's.
  std::vector<std::string> key;  // kWebhook, kTopic: where in the body destination.key stands.
  std::string secret;            // kWebhook, kTopic: unresolved; empty: the inbox's.
  Mark mark;
};

struct Sla {
  std::optional<std::chrono::milliseconds> max_staleness;
  std::optional<std::chrono::milliseconds> max_duration;
  std::string deadline;  // "06:00", local to the first schedule's zone; without one, the estate's.
  AlertLevel alert = AlertLevel::kWarning;
};

}  // namespace afluente::estate
