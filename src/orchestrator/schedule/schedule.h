// When a job is due: the one place that the scheduler asks for fire times, intervals and jitter.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "estate/estate.h"
#include "orchestrator/schedule/cron_fires.h"
#include "orchestrator/schedule/interval_fires.h"

namespace afluente::schedule {

/// One time at which a job is due.
struct Fire {
  WallTime nominal;             // What the schedule says; with the job it names the run.
  WallTime at;                  // nominal and its jitter: when to start.
  std::string zone;             // IANA.
  std::chrono::seconds offset;  // Of the zone from UTC, at `at`.
  std::string why;              // For people: which schedule, and what is special about it.

  /// `at` on the clocks of the zone: "2018-11-04T01:00:00-02:00", a fraction if there is one.
  std::string LocalText() const;
};

/// The data that a run is for: [begin, end).
struct DataInterval {
  WallTime begin;
  WallTime end;
};

/// How much later than `nominal` the job starts: a hash of both, below `jitter`, whole
/// milliseconds. The same for ever: FNV-1a (64 bits) of the name and of the nominal
/// time in microseconds since 1970 as 8 bytes, lowest first; mixed by the last step of SplitMix64.
std::chrono::milliseconds JitterOf(const std::string& job, WallTime nominal,
                                   std::chrono::milliseconds jitter);

/// All schedules of one job together. A value without threads or clock, safe to use
/// from any thread; every answer follows from the arguments, the estate and the
/// machine's time zone database alone. Nominal times are unique: schedules that meet are one fire.
class Schedule {
 public:
  /// Compiles `specs`, of which there is at least one. kInvalidConfig, kNotFound for what
  /// Load() has findings for: a wrong cron or zone, an unknown calendar.
  static Result<Schedule> Make(const std::string& job,
                               const std::vector<estate::ScheduleSpec>& specs,
                               const estate::Estate& estate);

  /// The fire with the lowest nominal time after `after`; nullopt if it never fires again.
  /// Some microseconds, however far away that is. The order is that of nominal times: with
  /// several schedules, each with a jitter of its own, a later fire may have to start first.
  std::optional<Fire> Next(WallTime after) const;

  /// The highest nominal time before `before`, as if schedules had no first day
  /// (`from`); nullopt if there is none.
  std::optional<WallTime> Previous(WallTime before) const;

  /// From the nominal time before `nominal` to it: what days that are left out would have
  /// covered belongs to the next fire. A job's first fire has the interval that it would have had
  /// without `from`; without any fire before, an empty one.
  DataInterval IntervalOf(WallTime nominal) const;

 private:
  struct Part {
    std::variant<CronFires, IntervalFires> fires;
    std::string description;
    std::chrono::milliseconds jitter;
  };

  static Result<Part> MakePart(const estate::ScheduleSpec& spec, const estate::Estate& estate);
  Fire FireOf(const Part& part, const Moment& moment) const;

  std::string job_;
  std::vector<Part> parts_;
};

}  // namespace afluente::schedule
