#include "orchestrator/repair.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "connectors/duckdb/interrupt.h"
#include "connectors/duckdb/lane_function.h"
#include "connectors/duckdb/table_repair.h"
#include "connectors/postgres/columns.h"
#include "connectors/postgres/copy_reader.h"
#include "pipeline/shaping.h"

namespace afluente::orchestrator {
namespace {

using comparison::TablePair;

// Copying writes every row, repairing reads most of them twice.
bool IsCheaperToCopy(std::uint64_t differing, std::uint64_t rows) {
  constexpr std::uint64_t kFew = 1'000;
  constexpr std::uint64_t kMany = 1'000'000;  // Their places are held in memory.
  constexpr std::uint64_t kOneIn = 5;
  return differing > kMany || (differing > kFew && differing * kOneIn > rows);
}

// A column of the source that the table has not: nothing would be compared.
Result<std::string> MissingColumn(duck::Warehouse& warehouse, const TablePair& pair) {
  const data::Schema& schema = pair.source_columns().schema;
  const duck::LaneTable shape(warehouse.lanes(), nullptr, schema, 0);
  AFL_ASSIGN(const auto arriving,
             duck::DescribeSelect(pair.connection(), pipeline::ShapingSelect(pair.integration(),
                                                                             schema, shape.sql())));
  for (const duck::TableColumn& column : arriving) {
    const bool found = std::any_of(
        pair.names().begin(), pair.names().end(),
        [&](const std::string& has) { return strcasecmp(has.c_str(), column.name.c_str()) == 0; });
    if (!found) return column.name;
  }
  return std::string();
}

// "": it can be compared as a whole.
Result<std::string> WhyNotCompared(duck::Warehouse& warehouse, const TablePair& pair) {
  if (!pair.compared().rows_match) return std::string("its transform filters or multiplies rows");
  for (const auto& column : pair.compared().columns) {
    if (column.comparison == comparison::Comparison::kValue) continue;
    return fmt::format("column {} cannot be compared: {}", column.name, column.why);
  }
  if (pair.key().empty()) {
    return pair.key_note().empty() ? std::string("it has no key") : pair.key_note();
  }
  if (!pair.has_places()) return std::string("its rows cannot be read by their place");
  if (pair.integration().on_schema_change == estate::OnSchemaChange::kIgnore) return std::string();
  AFL_ASSIGN(const std::string missing, MissingColumn(warehouse, pair));
  return missing.empty() ? missing : fmt::format("column {} is new", missing);
}

struct Places {
  std::vector<postgres::SelectPart> selects;  // Some thousands of rows each.
  std::uint64_t rows = 0;
};

// Rows of the snapshot stay where they are as long as it is held.
Result<Places> PlacesToRead(const TablePair& pair) {
  constexpr int kRowsAtOnce = 5'000;
  AFL_ASSIGN(
      const auto chunks,
      data::QueryCells(
          pair.connection(),
          fmt::format("SELECT part, string_agg('\"' || place || '\"', ','), count(*) FROM (SELECT "
                      "part, place, (row_number() OVER (PARTITION BY part)) // {} AS chunk FROM {} "
                      "SEMI JOIN {} USING (key_hash)) GROUP BY part, chunk",
                      kRowsAtOnce, comparison::kSourceRows, comparison::kDifferingKeys)));
  Places places;
  for (const auto& chunk : chunks) {
    places.selects.push_back(
        {"", fmt::format("SELECT {} FROM {} AND tableoid = {} AND ctid = ANY ('{{{}}}'::tid[])",
                         pair.source_columns().select_list, pair.source_from(), chunk[0].text,
                         chunk[1].text)});
    places.rows += std::stoull(chunk[2].text);
  }
  return places;
}

Result<std::uint64_t> ReadAndApply(duck::Warehouse& warehouse, TablePair& pair,
                                   const duck::CopyMoment& moment, const data::Position& position,
                                   std::uint64_t keys, pipeline::Progress& progress,
                                   const std::stop_token& stop) {
  const estate::Integration& integration = pair.integration();
  AFL_ASSIGN(Places places, PlacesToRead(pair));
  postgres::SelectQueue queue(std::move(places.selects));
  data::DeadLetters dead_letters;
  const std::vector<std::size_t> key_columns =
      postgres::KeyColumns(integration, pair.source_columns().schema);
  const std::set<std::string> masked = integration.MaskedColumns();
  const postgres::CopyContext context{
      queue,
      pair.source_columns().schema,
      pair.source_columns().forms,
      progress,
      integration.on_bad_row == estate::OnBadRow::kDeadLetter ? &dead_letters : nullptr,
      key_columns,
      masked};
  postgres::CopyReader reader(pair.TakeSourceConnection(), context, stop);
  std::vector<std::string> columns;
  for (const auto& column : pair.compared().columns) columns.push_back(column.name);
  const duck::FoundRows found{comparison::kDifferingKeys,
                              keys,
                              pair.destination().KeyHash(),
                              std::move(columns),
                              reader,
                              pair.source_columns().schema,
                              places.rows,
                              [&] { return dead_letters.Copy(); }};
  AFL_TRY(duck::ApplyRepair(warehouse, pair.connection(), integration, moment, found, position));
  return static_cast<std::uint64_t>(dead_letters.Copy().size());
}

Result<Repaired> Repair(duck::Warehouse& warehouse, TablePair& pair, const duck::CopyMoment& moment,
                        const data::Position& position, pipeline::Progress& progress,
                        const std::stop_token& stop) {
  Repaired repaired;
  AFL_ASSIGN(repaired.copy_instead, WhyNotCompared(warehouse, pair));
  if (!repaired.copy_instead.empty()) return repaired;
  AFL_ASSIGN(repaired.copy_instead,
             duck::WhyNotRepaired(pair.connection(), pair.integration(), moment));
  if (!repaired.copy_instead.empty()) return repaired;
  AFL_ASSIGN(const auto slices, comparison::CompareSlices(pair));
  repaired.compared = slices.source_rows;
  const std::uint64_t more = std::max(slices.source_rows, slices.destination_rows);
  const std::uint64_t fewer = std::min(slices.source_rows, slices.destination_rows);
  if (!IsCheaperToCopy(more - fewer, more)) {
    AFL_ASSIGN(repaired.rows,
               comparison::FindDifferingRows(pair, slices.digits, slices.differing, true));
  }
  if (IsCheaperToCopy(more - fewer, more) || IsCheaperToCopy(repaired.rows.total(), more)) {
    repaired.copy_instead = "so many of its rows differ that a copy is cheaper";
    return repaired;
  }
  AFL_ASSIGN(repaired.dead_letters, ReadAndApply(warehouse, pair, moment, position,
                                                 repaired.rows.total(), progress, stop));
  return repaired;
}

}  // namespace

Result<Repaired> RepairTable(duck::Warehouse& warehouse, comparison::TablePair& pair,
                             const duck::CopyMoment& moment, const data::Position& position,
                             pipeline::Progress& progress, const std::stop_token& stop) {
  const duck::InterruptOnStop interrupt(pair.connection(), stop);
  auto repaired = Repair(warehouse, pair, moment, position, progress, stop);
  if (!repaired.ok() && stop.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
  return repaired;
}

std::string Told(const comparison::DifferenceCounts& rows) {
  return fmt::format("{} missing, {} extra, {} different", rows.missing, rows.extra,
                     rows.different);
}

}  // namespace afluente::orchestrator
