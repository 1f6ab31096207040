#include "orchestrator/shadow/compare_shadow.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "comparison/reconcile.h"
#include "comparison/warehouse_tables.h"
#include "connectors/duckdb/interrupt.h"

namespace afluente::orchestrator {
namespace {

using comparison::Reconciliation;

// The other table as a source, the shadow table as what was made of it.
estate::Integration AsPair(const estate::Integration& integration, const estate::Shadow& shadow,
                           const std::pair<std::string, std::string>& source) {
  estate::Integration pair;
  pair.name = integration.name;
  pair.source.connection = source.first;
  pair.source.table = source.second;
  pair.source.mark = shadow.mark;
  pair.destination.table = shadow.shadow;
  pair.destination.key = integration.destination.key;
  pair.form = integration.form;
  pair.mark = shadow.mark;
  return pair;
}

Result<Reconciliation> Compare(const estate::Estate& estate, const estate::Integration& integration,
                               const estate::Shadow& shadow, duckdb_connection connection,
                               const std::stop_token& stop) {
  const duck::InterruptOnStop interrupt(connection, stop);
  if (const auto source = estate::SourceTableOf(shadow.compare_with)) {
    return comparison::CompareWithSource(estate, AsPair(integration, shadow, *source), connection,
                                         stop);
  }
  AFL_ASSIGN(const auto table, estate::ParseTableAddress(shadow.compare_with));
  AFL_TRY(data::Execute(connection, "BEGIN TRANSACTION READ ONLY"));
  auto compared =
      comparison::CompareTables(connection, table, shadow.shadow, integration.destination.key);
  (void)data::Execute(connection, "ROLLBACK");
  return compared;
}

std::string NotesOf(const Reconciliation& found) {
  std::vector<std::string> lines = found.notes;
  for (const comparison::Difference& one : found.sample) {
    std::string columns;
    if (!one.columns.empty()) columns = fmt::format(": {}", fmt::join(one.columns, ", "));
    lines.push_back(fmt::format("{} {}={}{}", NameOf(one.kind), fmt::join(found.key, ","),
                                fmt::join(one.key, ","), columns));
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

}  // namespace

ShadowComparison CompareShadow(const estate::Estate& estate, const estate::Integration& integration,
                               const estate::Shadow& shadow, duckdb_connection connection,
                               const Clock& clock, const std::stop_token& stop) {
  ShadowComparison comparison;
  comparison.integration = integration.name;
  Status done = Guarded([&]() -> Status {
    AFL_ASSIGN(const Reconciliation found, Compare(estate, integration, shadow, connection, stop));
    comparison.old_rows = found.source_rows;
    comparison.new_rows = found.destination_rows;
    comparison.differences = found.differences;
    comparison.notes = NotesOf(found);
    const bool is_compared = std::any_of(
        found.columns.begin(), found.columns.end(),
        [](const auto& column) { return column.comparison == comparison::Comparison::kValue; });
    if (is_compared) return Done{};
    return Error(ErrorKind::kSchemaMismatch, "no column of the two tables can be compared");
  });
  comparison.compared_at = clock.Now();
  auto day = DayOf(comparison.compared_at, estate.time_zone);
  if (day.ok()) comparison.day = TextOf(day.value());
  if (!day.ok() && done.ok()) done = day.error();
  if (!done.ok()) comparison.error = done.error().message();
  return comparison;
}

}  // namespace afluente::orchestrator
