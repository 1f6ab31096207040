// Which rows differ, found from the outside in: slices of the key's hash, then rows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "comparison/table_pair.h"

namespace afluente::comparison {

/// The slices of both sides, against each other.
struct ComparedSlices {
  std::uint64_t source_rows = 0;
  std::uint64_t destination_rows = 0;
  int digits = 0;                      // Hex digits of the key's hash that name a slice.
  std::vector<std::string> differing;  // Names; none: the sides are equal.
};

/// 256 slices; those that differ are cut into 256 again where they hold many rows.
Result<ComparedSlices> CompareSlices(const TablePair& pair);

struct DifferenceCounts {
  std::uint64_t missing = 0;    // Keys at the source, not at the destination.
  std::uint64_t extra = 0;      // At the destination, not at the source.
  std::uint64_t different = 0;  // Other values, or another number of rows, on either side.

  std::uint64_t total() const { return missing + extra + different; }
};

/// Temporary tables of the pair's DuckDB connection that FindDifferingRows fills.
/// key_hash, row_hash, part, place: of the source's rows in the slices.
constexpr const char* kSourceRows = "temp._afluente_source_rows";
/// key_hash, source_hash, destination_hash: of the keys that differ; a hash is
/// NULL where the side has no row.
constexpr const char* kDifferingKeys = "temp._afluente_differing";

/// Compares row by row within `slices` (of `digits`). Only hashes leave the
/// source; memory stays bounded: what does not fit stands on DuckDB's disk.
/// Needs a pair with a key and, for `with_places`, with places.
Result<DifferenceCounts> FindDifferingRows(const TablePair& pair, int digits,
                                           const std::vector<std::string>& slices,
                                           bool with_places = false);

}  // namespace afluente::comparison
