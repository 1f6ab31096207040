// Does the destination hold what the source holds? Computed inside each system.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/source.h"
#include "data/duckdb_api.h"
#include "estate/estate.h"
#include "comparison/compared_columns.h"

namespace afluente::comparison {

enum class DifferenceKind : std::uint8_t {
  kMissing,    // At the source, not at the destination.
  kExtra,      // At the destination, not at the source.
  kDifferent,  // Values differ.
};

std::string_view NameOf(DifferenceKind kind);

struct Difference {
  DifferenceKind kind = DifferenceKind::kDifferent;
  std::vector<std::string> key;      // Canonical text, in the order of the integration's key.
  std::vector<std::string> columns;  // kDifferent: which; for the first ones of the sample.
};

struct Reconciliation {
  std::uint64_t source_rows = 0;
  std::uint64_t destination_rows = 0;
  std::uint64_t differences = 0;   // Rows; without a key: 1 if any checksum differs.
  std::vector<Difference> sample;  // At most kSampleMax.
  std::vector<ComparedColumn> columns;
  std::vector<std::string> notes;  // What could not be compared, and why.
};

constexpr std::size_t kSampleMax = 20;

/// Compares `integration`'s source with `table` (an SQL table expression that
/// `connection` reads): of form soft_delete the rows that are not marked, of
/// form history the last row a key.
///
/// How: both sides hash every row's canonical text (md5, 60 bits of it) and sum
/// the hashes per slice of the hash of the key. Slices that differ are asked
/// for key and hash of their rows, and only rows that differ for their columns:
/// no value leaves a system. The source is read in one snapshot.
/// `mask_salt`: resolved; needed where a column has `mask: hash`.
/// Errors: those of both systems; kNotFound when the destination is empty.
Result<Reconciliation> Reconcile(const postgres::Endpoint& endpoint,
                                 const estate::Integration& integration,
                                 const std::string& mask_salt, const std::string& table,
                                 duckdb_connection connection);

}  // namespace afluente::comparison
