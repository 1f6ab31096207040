// Who runs in shadow, and what the comparisons found: tables of the run store.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "orchestrator/sqlite_file.h"

namespace afluente::orchestrator {

enum class ShadowState : std::uint8_t {
  kShadow,       // Beside today's pipeline; what an integration with the key begins as.
  kCuttingOver,  // On its way to live: what the warehouse shows counts.
  kLive,         // In its place.
  kRollingBack,  // On its way back.
};
std::string_view NameOf(ShadowState state);

struct ShadowComparison {
  std::string integration;
  WallTime compared_at{};
  std::string day;             // "2026-11-26", in the estate's zone.
  std::uint64_t old_rows = 0;  // Of the table that today's pipeline fills.
  std::uint64_t new_rows = 0;  // Of the shadow table.
  std::uint64_t differences = 0;
  std::string notes;  // What differed, for people; a line each.
  std::string error;  // Of one that could not be done.

  bool is_equal() const { return error.empty() && differences == 0; }
};

/// Thread-safe, as the file is.
class ShadowStore {
 public:
  /// Borrows the run store's file.
  explicit ShadowStore(SqliteFile& file) : file_(file) {}

  /// Those that were set; all others with the key are in shadow.
  Result<std::map<std::string, ShadowState>> States();
  Status Set(const std::string& integration, ShadowState state, WallTime now);

  Status Record(const ShadowComparison& comparison);
  /// The last comparison of each of the last `days` days that had one, newest first.
  Result<std::vector<ShadowComparison>> Days(const std::string& integration, int days);

 private:
  SqliteFile& file_;
};

/// What comparisons, the last one of each day, say of the `wanted` days that end today, or
/// yesterday when today has none yet: "" when each was equal; else what each of them was.
std::string WhyNotEqual(const std::vector<ShadowComparison>& days, int wanted,
                        std::chrono::local_days today);

/// The day of `time` in an IANA zone. Errors: of schedule::Zone::Find.
Result<std::chrono::local_days> DayOf(WallTime time, const std::string& zone);
/// "2026-11-26".
std::string TextOf(std::chrono::local_days day);
/// "equal", "3 of 120 rows differ", "failed: ...".
std::string Told(const ShadowComparison& comparison);

}  // namespace afluente::orchestrator
