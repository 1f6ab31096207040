#include "comparison/reconcile.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "comparison/differing_rows.h"

namespace afluente::comparison {
namespace {

// Shorter first, so that numbers of one sign stand in their order.
bool ComesFirst(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(), [](const std::string& x, const std::string& y) {
        return std::pair(x.size(), std::string_view(x)) < std::pair(y.size(), std::string_view(y));
      });
}

Status NameColumnsWithoutKey(const TablePair& pair, Reconciliation& result) {
  const std::uint64_t more = std::max(result.source_rows, result.destination_rows);
  const std::uint64_t fewer = std::min(result.source_rows, result.destination_rows);
  result.differences = std::max<std::uint64_t>(1, more - fewer);
  auto [ours, theirs] = AskBoth(pair.source(), pair.destination(),
                                [](const Side& side) { return side.ColumnSums(); });
  AFL_ASSIGN(const Rows source_sums, std::move(ours));
  AFL_ASSIGN(const Rows destination_sums, std::move(theirs));
  std::vector<std::string> columns;
  for (std::size_t i = 0; i < pair.names().size(); ++i) {
    if (source_sums[0][i].text != destination_sums[0][i].text) columns.push_back(pair.names()[i]);
  }
  result.notes.push_back(fmt::format(
      "without a key the rows that differ have no name; give destination.key. Columns whose "
      "checksums differ: {}",
      fmt::join(columns, ", ")));
  return Done{};
}

Status CompareRows(const TablePair& pair, Reconciliation& result) {
  AFL_ASSIGN(const ComparedSlices slices, CompareSlices(pair));
  result.source_rows = slices.source_rows;
  result.destination_rows = slices.destination_rows;
  if (slices.differing.empty()) return Done{};
  if (pair.key().empty()) return NameColumnsWithoutKey(pair, result);
  AFL_ASSIGN(const DifferenceCounts found,
             FindDifferingRows(pair, slices.digits, slices.differing));
  result.differences = found.total();
  AFL_ASSIGN(result.sample, NameDifferences(pair));
  return Done{};
}

Status CompareNulls(const TablePair& pair, Reconciliation& result) {
  std::vector<std::string> source_sql;
  std::vector<std::string> destination_sql;
  std::vector<std::string> names;
  for (const ComparedColumn& column : result.columns) {
    if (column.comparison != Comparison::kNulls) continue;
    names.push_back(column.name);
    source_sql.push_back(column.source_sql);
    destination_sql.push_back(column.destination_sql);
  }
  if (names.empty()) return Done{};
  auto [ours, theirs] = AskBoth(pair.source(), pair.destination(), [&](const Side& side) {
    return side.NotNulls(&side == &pair.source() ? source_sql : destination_sql);
  });
  AFL_ASSIGN(const Rows at_source, std::move(ours));
  AFL_ASSIGN(const Rows at_destination, std::move(theirs));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (at_source[0][i + 1].text == at_destination[0][i + 1].text) continue;
    ++result.differences;
    result.notes.push_back(
        fmt::format("column {}: {} values that are not NULL at the source, {} at "
                    "the destination",
                    names[i], at_source[0][i + 1].text, at_destination[0][i + 1].text));
  }
  return Done{};
}

Result<Reconciliation> Compare(const estate::Estate& estate, const estate::Integration& integration,
                               duckdb_connection connection, const std::stop_token& stop) {
  AFL_ASSIGN(const auto pair, TablePair::Open(estate, integration, connection, stop));
  Reconciliation result;
  result.key = pair->key();
  result.columns = pair->compared().columns;
  if (!pair->key_note().empty()) result.notes.push_back(pair->key_note());
  if (!pair->compared().rows_match) {
    AFL_ASSIGN(const Rows here, pair->source().NotNulls({}));
    AFL_ASSIGN(const Rows there, pair->destination().NotNulls({}));
    result.source_rows = std::stoull(here[0][0].text);
    result.destination_rows = std::stoull(there[0][0].text);
    result.notes.emplace_back(
        "the transform filters, joins or multiplies rows: counts are shown, nothing is compared");
    return result;
  }
  AFL_TRY(CompareRows(*pair, result));
  AFL_TRY(CompareNulls(*pair, result));
  return result;
}

}  // namespace

std::string_view NameOf(DifferenceKind kind) {
  switch (kind) {
    case DifferenceKind::kMissing:
      return "missing";
    case DifferenceKind::kExtra:
      return "extra";
    case DifferenceKind::kDifferent:
      return "different";
  }
  return "different";
}

Result<std::vector<Difference>> NameDifferences(const TablePair& pair, const std::string& keys) {
  AFL_ASSIGN(const Rows chosen,
             data::QueryCells(pair.connection(),
                              fmt::format("SELECT key_hash, source_hash, destination_hash FROM {} "
                                          "ORDER BY key_hash LIMIT {}",
                                          keys, kSampleMax)));
  std::vector<std::string> hashes;
  for (const auto& row : chosen) hashes.push_back(row[0].text);
  std::vector<Difference> sample;
  if (hashes.empty()) return sample;
  auto [ours, theirs] = AskBoth(pair.source(), pair.destination(),
                                [&](const Side& side) { return side.Columns(hashes); });
  AFL_ASSIGN(const Rows source_rows, std::move(ours));
  AFL_ASSIGN(const Rows destination_rows, std::move(theirs));
  std::map<std::string, const std::vector<data::Cell>*> at_source;
  std::map<std::string, const std::vector<data::Cell>*> at_destination;
  for (const auto& row : source_rows) at_source[row[0].text] = &row;
  for (const auto& row : destination_rows) at_destination[row[0].text] = &row;
  for (const auto& row : chosen) {
    const auto* source = at_source[row[0].text];
    const auto* destination = at_destination[row[0].text];
    const auto* any = source != nullptr ? source : destination;
    if (any == nullptr) continue;
    Difference difference;
    difference.kind = !row[2].valid   ? DifferenceKind::kMissing
                      : !row[1].valid ? DifferenceKind::kExtra
                                      : DifferenceKind::kDifferent;
    const std::size_t keys_size = pair.key().size();
    for (std::size_t i = 0; i < keys_size; ++i) {
      difference.key.push_back((*any)[1 + i].valid ? (*any)[1 + i].text : "NULL");
    }
    const bool both = source != nullptr && destination != nullptr;
    for (std::size_t i = 0; both && i < pair.names().size(); ++i) {
      const std::size_t at = 1 + keys_size + i;
      if ((*source)[at].text != (*destination)[at].text) {
        difference.columns.push_back(pair.names()[i]);
      }
    }
    sample.push_back(std::move(difference));
  }
  std::sort(sample.begin(), sample.end(),
            [](const Difference& a, const Difference& b) { return ComesFirst(a.key, b.key); });
  return sample;
}

Result<Reconciliation> CompareWithSource(const estate::Estate& estate,
                                         const estate::Integration& integration,
                                         duckdb_connection connection,
                                         const std::stop_token& stop) {
  return Compare(estate, integration, connection, stop).Within([&] { return integration.name; });
}

}  // namespace afluente::comparison
