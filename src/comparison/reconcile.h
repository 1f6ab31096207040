// Does the destination hold what the source holds? Computed inside each system.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "comparison/compared_columns.h"
#include "comparison/differing_rows.h"
#include "comparison/table_pair.h"
#include "data/duckdb_api.h"
#include "estate/estate.h"

namespace afluente::comparison {

enum class DifferenceKind : std::uint8_t {
  kMissing,    // At the source, not at the destination.
  kExtra,      // At the destination, not at the source.
  kDifferent,  // Values differ.
};

std::string_view NameOf(DifferenceKind kind);

struct Difference {
  DifferenceKind kind = DifferenceKind::kDifferent;
  std::vector<std::string> key;      // Canonical text, in the order of the comparison's key.
  std::vector<std::string> columns;  // kDifferent: which; for the first ones of the sample.
};

struct Reconciliation {
  std::uint64_t source_rows = 0;
  std::uint64_t destination_rows = 0;
  std::uint64_t differences = 0;   // Rows; without a key: 1 if any checksum differs.
  std::vector<std::string> key;    // The columns that name a row, as they arrive.
  std::vector<Difference> sample;  // At most kSampleMax.
  std::vector<ComparedColumn> columns;
  std::vector<std::string> notes;  // What could not be compared, and why.
};

constexpr std::size_t kSampleMax = 20;

/// Keys and columns of the first kSampleMax rows of `keys`, a table of the shape
/// of kDifferingKeys.
Result<std::vector<Difference>> NameDifferences(const TablePair& pair,
                                                const std::string& keys = kDifferingKeys);

/// Reconciles `integration` with its destination, which `connection` reads: the
/// warehouse, with the lake's views. Of form soft_delete the rows that are not
/// marked count, of form history the last row a key.
///
/// How: both sides hash every row's canonical text (md5, 60 bits of it) and sum
/// the hashes per slice of the hash of the key. Slices that differ are asked
/// for key and hash of their rows, and only rows that differ for their columns:
/// no value leaves a system. The source is read in one snapshot.
/// Errors: as TablePair::Open, with the integration's name.
Result<Reconciliation> CompareWithSource(const estate::Estate& estate,
                                         const estate::Integration& integration,
                                         duckdb_connection connection, const std::stop_token& stop);

}  // namespace afluente::comparison
