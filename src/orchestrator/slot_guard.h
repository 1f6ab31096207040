// Keeps an eye on how much log a slot makes its server keep, so that following a database never
// fills its disk.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/result.h"
#include "connectors/postgres/libpq.h"
#include "connectors/postgres/replication/slot.h"
#include "estate/estate.h"

namespace afluente::orchestrator {

/// How a slot stands, the worst that holds.
enum class SlotHealth : std::uint8_t {
  kOk,
  kAboveMax,    // Keeps more than max_retained_wal.
  kUnreserved,  // The server will take log from it at its next checkpoint.
  kAboveDrop,   // Keeps more than drop_slot_above.
  kLost,        // The server has taken log from it that was not read.
};
/// "ok", "above_max_retained_wal", "unreserved", "above_drop_slot_above", "lost".
std::string_view NameOf(SlotHealth health);

/// Against the limits that `connection` declares.
SlotHealth HealthOf(const postgres::SlotState& slot, const estate::Connection& connection);

/// Looks at a connection's slot every few seconds on a thread and a session of
/// its own, whether somebody reads the slot or not, until destroyed. Logs each
/// change of its health. Above drop_slot_above it has the slot let go of, ends
/// whoever does not, and drops it.
class SlotGuard {
 public:
  /// `hold(true)`: let go of the slot and stay away from it; `hold(false)`: go
  /// on. Called on the guard's thread, in turns, beginning with true. Borrows
  /// estate and connection.
  SlotGuard(const estate::Estate& estate, const estate::Connection& connection,
            std::function<void(bool)> hold);
  ~SlotGuard() = default;
  SlotGuard(const SlotGuard&) = delete;
  SlotGuard& operator=(const SlotGuard&) = delete;

 private:
  void Work(const std::stop_token& stop);
  Status Look();
  Status Open();
  void Tell(const postgres::SlotState& slot, SlotHealth health);
  Status Drop(const postgres::SlotState& slot);
  void Hold(bool held);

  const estate::Estate& estate_;
  const estate::Connection& connection_;
  const std::string slot_;
  const std::function<void(bool)> hold_;
  // The thread's own.
  postgres::Connection session_;
  SlotHealth told_ = SlotHealth::kOk;
  bool held_ = false;
  int looks_while_held_ = 0;
  std::jthread thread_;  // Last: joined before what it uses goes.
};

}  // namespace afluente::orchestrator
