#include "orchestrator/verifier.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/stop_after.h"
#include "comparison/settled.h"
#include "connectors/duckdb/interrupt.h"

namespace afluente::orchestrator {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// One that does not follow now, or could not be compared, is asked again.
constexpr milliseconds kWhileNotFollowing{1'000};
constexpr milliseconds kAfterFailure{300'000};

struct Due {
  const estate::Integration* integration = nullptr;
  nanoseconds at{0};  // Monotonic.
};

}  // namespace

Verifier::Verifier(const estate::Estate& estate, Owner& owner, Supervisor& supervisor,
                   const Clock& clock)
    : estate_(estate), owner_(owner), supervisor_(supervisor), clock_(clock) {
  const bool is_needed =
      std::any_of(estate.integrations.begin(), estate.integrations.end(),
                  [](const auto& entry) { return entry.second.verify.has_value(); });
  if (!is_needed) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
}

bool Verifier::IsFollowing(const std::string& integration) const {
  const auto reports = supervisor_.Reports();
  return std::any_of(reports.begin(), reports.end(), [&](const FollowReport& report) {
    return report.integration == integration && report.state == FollowState::kFollowing;
  });
}

nanoseconds Verifier::UntilDue(const estate::Integration& integration) const {
  const auto records = owner_.runs().Verifications();
  if (!records.ok()) return nanoseconds(0);
  for (const VerificationRecord& record : records.value()) {
    if (record.integration != integration.name) continue;
    const nanoseconds left = record.verified_at + integration.verify->every - clock_.Now();
    // A clock that was set back must not put it off for longer than declared.
    return std::clamp<nanoseconds>(left, nanoseconds(0), integration.verify->every);
  }
  return nanoseconds(0);
}

void Verifier::Work(const std::stop_token& stop) {
  std::vector<Due> all;
  for (const auto& [name, integration] : estate_.integrations) {
    if (!integration.verify) continue;
    all.push_back({&integration, clock_.Monotonic() + UntilDue(integration)});
  }
  while (!stop.stop_requested()) {
    Due& next = *std::min_element(all.begin(), all.end(),
                                  [](const Due& a, const Due& b) { return a.at < b.at; });
    Rest(stop, std::max(nanoseconds(0), next.at - clock_.Monotonic()));
    if (stop.stop_requested()) return;
    const estate::Integration& integration = *next.integration;
    if (!IsFollowing(integration.name)) {
      next.at = clock_.Monotonic() + kWhileNotFollowing;
      continue;
    }
    VerificationRecord record;
    record.integration = integration.name;
    const Status done = Guarded([&] { return VerifyOne(integration, record, stop); });
    if (stop.stop_requested()) return;
    next.at = clock_.Monotonic() + integration.verify->every;
    if (!done.ok()) {
      record.error = done.error().message();
      next.at = clock_.Monotonic() + std::min(integration.verify->every, kAfterFailure);
      spdlog::warn("{}: cannot be verified: {}", integration.name, record.error);
    }
    Keep(std::move(record));
  }
}

Status Verifier::VerifyOne(const estate::Integration& integration, VerificationRecord& record,
                           const std::stop_token& stop) {
  const std::string& name = integration.name;
  AFL_ASSIGN(const auto found, Compare(integration, stop));
  record.rows = found.source_rows;
  record.differences = found.differences;
  for (const std::string& note : found.notes) spdlog::info("{}: {}", name, note);
  if (found.differences == 0) {
    spdlog::info("{}: verified: no row of {} differs from the source", name, found.source_rows);
    return Done{};
  }
  spdlog::warn("{}: {} of {} rows differ from the source; {}", name, found.differences,
               found.source_rows,
               integration.verify->repair
                   ? "they are repaired"
                   : fmt::format("`afluente reconcile {0}` shows which, `afluente reconcile {0} "
                                 "--repair` repairs them",
                                 name));
  if (!integration.verify->repair) return Done{};
  AFL_ASSIGN(const Repaired repaired, supervisor_.Repair(name, stop));
  // Copied or repaired: none is left.
  record.repaired =
      repaired.copy_instead.empty() ? repaired.rows.total() : std::max(found.differences, 1UL);
  return Done{};
}

void Verifier::Keep(VerificationRecord record) {
  record.verified_at = clock_.Now();
  const Status kept = owner_.runs().Record(record);
  if (!kept.ok()) spdlog::warn("{}: {}", record.integration, kept.error().message());
}

Result<comparison::Reconciliation> Verifier::Compare(const estate::Integration& integration,
                                                     const std::stop_token& stop) {
  AFL_ASSIGN(const data::DuckConnection connection, owner_.warehouse().Connect());
  const duck::InterruptOnStop interrupt(connection.get(), stop);
  return comparison::CompareSettled(
      estate_, integration, connection.get(),
      [&] { return supervisor_.CatchUp(integration.name, stop); }, stop);
}

Result<Verifier::RepairedAndCompared> Verifier::Repair(const estate::Integration& integration,
                                                       const std::stop_token& stop) {
  RepairedAndCompared done;
  AFL_ASSIGN(done.repaired, supervisor_.Repair(integration.name, stop));
  AFL_ASSIGN(done.left, Compare(integration, stop));
  VerificationRecord record;
  record.integration = integration.name;
  record.rows = done.left.source_rows;
  record.differences = done.repaired.rows.total() + done.left.differences;
  record.repaired = done.repaired.rows.total();
  Keep(std::move(record));
  return done;
}

}  // namespace afluente::orchestrator
