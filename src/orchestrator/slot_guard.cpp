#include "orchestrator/slot_guard.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

#include "base/stop_after.h"
#include "connectors/registry.h"
#include "estate/quantities.h"

namespace afluente::orchestrator {
namespace {

constexpr std::chrono::seconds kLookEvery{5};
constexpr std::chrono::milliseconds kLookWhileHeldEvery{500};
// So long a reader that was asked to may take to let go of the slot.
constexpr int kLooksInPeace = 6;

std::string Limit(const char* key, const std::optional<std::int64_t>& bytes) {
  return fmt::format("{} ({})", key, estate::FormatSize(bytes.value_or(0)));
}

}  // namespace

std::string_view NameOf(SlotHealth health) {
  switch (health) {
    case SlotHealth::kOk:
      return "ok";
    case SlotHealth::kAboveMax:
      return "above_max_retained_wal";
    case SlotHealth::kUnreserved:
      return "unreserved";
    case SlotHealth::kAboveDrop:
      return "above_drop_slot_above";
    case SlotHealth::kLost:
      return "lost";
  }
  return "ok";
}

SlotHealth HealthOf(const postgres::SlotState& slot, const estate::Connection& connection) {
  const auto is_above = [&](const std::optional<std::int64_t>& limit) {
    return limit && slot.retained_bytes > *limit;
  };
  if (slot.wal_status == "lost") return SlotHealth::kLost;
  if (is_above(connection.drop_slot_above)) return SlotHealth::kAboveDrop;
  if (slot.wal_status == "unreserved") return SlotHealth::kUnreserved;
  return is_above(connection.max_retained_wal) ? SlotHealth::kAboveMax : SlotHealth::kOk;
}

SlotGuard::SlotGuard(const estate::Estate& estate, const estate::Connection& connection,
                     std::function<void(bool)> hold)
    : estate_(estate),
      connection_(connection),
      slot_(postgres::ReplicationName(estate.name, connection.name)),
      hold_(std::move(hold)),
      thread_([this](const std::stop_token& stop) { Work(stop); }) {}

void SlotGuard::Work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Status looked = Guarded([&] { return Look(); });
    if (!looked.ok()) {
      // Whoever follows the database says what is wrong with it; this goes on trying.
      spdlog::log(held_ ? spdlog::level::err : spdlog::level::debug,
                  "connection {}: slot {} cannot be {}: {}", connection_.name, slot_,
                  held_ ? "dropped" : "looked at", looked.error().message());
      session_.reset();
      Hold(false);  // To read on is then the only way to need less log.
    }
    Rest(stop, held_ ? kLookWhileHeldEvery : kLookEvery);
  }
}

// A server that is cut off must not keep this thread for the minutes that TCP would.
Status SlotGuard::Open() {
  constexpr std::chrono::seconds kPatience{3};
  AFL_ASSIGN(postgres::Endpoint endpoint, connectors::ResolveEndpoint(estate_, connection_.name));
  endpoint.overrides.push_back({"tcp_user_timeout", "5000"});
  AFL_ASSIGN(session_, postgres::Connect(endpoint.dsn, endpoint.overrides, kPatience));
  AFL_TRY(postgres::Query(session_.get(), "SET statement_timeout = '5s'"));
  return Done{};
}

Status SlotGuard::Look() {
  if (session_ == nullptr) AFL_TRY(Open());
  AFL_ASSIGN(const auto slot, postgres::ReadSlot(session_.get(), slot_));
  const SlotHealth health = slot ? HealthOf(*slot, connection_) : SlotHealth::kOk;
  if (slot) Tell(*slot, health);
  if (health == SlotHealth::kAboveDrop) return Drop(*slot);
  Hold(false);
  return Done{};
}

void SlotGuard::Tell(const postgres::SlotState& slot, SlotHealth health) {
  if (std::exchange(told_, health) == health) return;
  const std::string what =
      fmt::format("connection {}: slot {} keeps {} of the server's log", connection_.name, slot_,
                  estate::FormatSize(slot.retained_bytes));
  switch (health) {
    case SlotHealth::kOk:
      return spdlog::info("{}, within its limits again", what);
    case SlotHealth::kAboveMax:
      return spdlog::warn("{}, more than {}; `afluente lag` shows who is behind or paused", what,
                          Limit("max_retained_wal", connection_.max_retained_wal));
    case SlotHealth::kUnreserved:
      return spdlog::warn(
          "{}, more than the server allows (max_slot_wal_keep_size): it may be "
          "lost at the next checkpoint",
          what);
    case SlotHealth::kAboveDrop:
      return spdlog::error("{}, more than {}: it is dropped, before the server's disk is full",
                           what, Limit("drop_slot_above", connection_.drop_slot_above));
    case SlotHealth::kLost:
      return spdlog::error(
          "connection {}: slot {} was lost: the server has removed log that was "
          "not read; the tables are compared with the source and repaired",
          connection_.name, slot_);
  }
}

void SlotGuard::Hold(bool held) {
  if (std::exchange(held_, held) == held) return;
  looks_while_held_ = 0;
  hold_(held);
}

Status SlotGuard::Drop(const postgres::SlotState& slot) {
  Hold(true);
  if (slot.active) {
    if (++looks_while_held_ <= kLooksInPeace) return Done{};
    spdlog::warn("connection {}: who reads slot {} does not let go of it and is ended",
                 connection_.name, slot_);
    AFL_TRY(postgres::QueryParams(session_.get(),
                                  "SELECT pg_catalog.pg_terminate_backend(active_pid) FROM "
                                  "pg_catalog.pg_replication_slots WHERE slot_name = $1 AND active",
                                  {slot_}));
    return Done{};
  }
  const Status dropped = postgres::DropSlot(session_.get(), slot_);
  if (!dropped.ok()) {
    // Somebody took it in between: once more.
    if (RetryFor(dropped.error().kind()) == Retry::kSoon) return Done{};
    return dropped.error();
  }
  told_ = SlotHealth::kOk;  // The next one begins anew.
  spdlog::error(
      "connection {}: slot {} was dropped; all tables of the connection are compared with the "
      "source and repaired",
      connection_.name, slot_);
  Hold(false);
  return Done{};
}

}  // namespace afluente::orchestrator
