#include "comparison/differing_rows.h"

#include <fmt/format.h>

#include <future>
#include <map>
#include <set>

namespace afluente::comparison {
namespace {

constexpr int kCoarseDigits = 2;
constexpr int kFineDigits = 4;
// More rows than this are not worth comparing one by one for one row in each slice.
constexpr std::uint64_t kHashedRowsMax = 500'000;

struct Slice {
  std::uint64_t rows = 0;
  std::string sum;
  bool operator==(const Slice&) const = default;
};
using Slices = std::map<std::string, Slice>;

Slices ToSlices(const Rows& rows) {
  Slices slices;
  for (const auto& row : rows) slices[row[0].text] = {std::stoull(row[1].text), row[2].text};
  return slices;
}

struct BothSlices {
  Slices source;
  Slices destination;

  std::vector<std::string> Differing() {
    std::set<std::string> names;
    for (const auto& [name, slice] : source) names.insert(name);
    for (const auto& [name, slice] : destination) names.insert(name);
    std::vector<std::string> differing;
    for (const std::string& name : names) {
      if (source[name] != destination[name]) differing.push_back(name);
    }
    return differing;
  }
};

std::uint64_t RowsIn(const Slices& slices) {
  std::uint64_t rows = 0;
  for (const auto& [name, slice] : slices) rows += slice.rows;
  return rows;
}

Result<BothSlices> AskSlices(const TablePair& pair, int digits, int within_digits,
                             const std::vector<std::string>& within) {
  auto [ours, theirs] = AskBoth(pair.source(), pair.destination(), [&](const Side& side) {
    return side.Slices(digits, within_digits, within);
  });
  AFL_ASSIGN(const Rows source, std::move(ours));
  AFL_ASSIGN(const Rows destination, std::move(theirs));
  return BothSlices{ToSlices(source), ToSlices(destination)};
}

}  // namespace

Result<ComparedSlices> CompareSlices(const TablePair& pair) {
  AFL_ASSIGN(BothSlices coarse, AskSlices(pair, kCoarseDigits, 0, {}));
  ComparedSlices result;
  result.source_rows = RowsIn(coarse.source);
  result.destination_rows = RowsIn(coarse.destination);
  result.digits = kCoarseDigits;
  result.differing = coarse.Differing();
  std::uint64_t rows = 0;
  for (const std::string& name : result.differing) {
    rows += coarse.source[name].rows + coarse.destination[name].rows;
  }
  if (rows <= kHashedRowsMax || pair.key().empty()) return result;
  AFL_ASSIGN(BothSlices fine, AskSlices(pair, kFineDigits, kCoarseDigits, result.differing));
  result.digits = kFineDigits;
  result.differing = fine.Differing();
  return result;
}

Result<DifferenceCounts> FindDifferingRows(const TablePair& pair, int digits,
                                           const std::vector<std::string>& slices,
                                           bool with_places) {
  duckdb_connection connection = pair.connection();
  AFL_TRY(data::Execute(
      connection, fmt::format("CREATE OR REPLACE TEMP TABLE {} (key_hash VARCHAR, row_hash BIGINT, "
                              "part BIGINT, place VARCHAR)",
                              kSourceRows)));
  if (slices.empty()) {
    AFL_TRY(data::Execute(
        connection, fmt::format("CREATE OR REPLACE TEMP TABLE {} (key_hash VARCHAR, source_hash "
                                "VARCHAR, destination_hash VARCHAR)",
                                kDifferingKeys)));
    return DifferenceCounts{};
  }
  AFL_TRY(pair.CopyRows(
      pair.source().RowHashesSql(digits, slices, with_places ? ", tableoid, ctid" : ", 0, ''"),
      kSourceRows));
  // Several rows may share a key where it is not unique: their hashes add up.
  AFL_TRY(data::Execute(
      connection,
      fmt::format(
          "CREATE OR REPLACE TEMP TABLE {0} AS SELECT key_hash, s.h AS source_hash, d.h AS "
          "destination_hash FROM (SELECT key_hash, count(*) || ':' || sum(row_hash) AS h FROM {1} "
          "GROUP BY key_hash) AS s FULL JOIN (SELECT key_hash, count(*) || ':' || sum(row_hash) AS "
          "h FROM ({2}) AS r GROUP BY key_hash) AS d USING (key_hash) "
          "WHERE s.h IS DISTINCT FROM d.h",
          kDifferingKeys, kSourceRows, pair.destination().RowHashesSql(digits, slices))));
  AFL_ASSIGN(const auto counts,
             data::QueryCells(
                 connection,
                 fmt::format("SELECT count(*) FILTER (destination_hash IS NULL), count(*) FILTER "
                             "(source_hash IS NULL), count(*) FROM {}",
                             kDifferingKeys)));
  DifferenceCounts found;
  found.missing = std::stoull(counts[0][0].text);
  found.extra = std::stoull(counts[0][1].text);
  found.different = std::stoull(counts[0][2].text) - found.missing - found.extra;
  return found;
}

}  // namespace afluente::comparison
