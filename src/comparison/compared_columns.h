// Which columns reconciliation can compare by value, and with which expressions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/evolution.h"
#include "connectors/postgres/columns.h"
#include "estate/estate.h"

namespace afluente::comparison {

enum class Comparison : std::uint8_t {
  kValue,  // The same expression on both sides.
  kNulls,  // Only how many are NULL.
  kNone,   // It has no counterpart.
};

/// One column of the destination.
struct ComparedColumn {
  std::string name;  // In the destination.
  Comparison comparison = Comparison::kNone;
  std::string why;         // Empty for kValue.
  std::string source_sql;  // Canonical text (kValue) or the plain column (kNulls).
  std::string destination_sql;
};

/// `$1` and `$2` of the source's statements: the key of `mask: hash`, XORed
/// with HMAC's inner and outer pad. Only set when `uses_hash`.
struct HashPads {
  std::string inner_hex;  // bytea in hex form.
  std::string outer_hex;
};
HashPads MakeHashPads(const std::string& salt);

struct ComparedColumns {
  std::vector<ComparedColumn> columns;
  bool uses_hash = false;  // source_sql refers to $1 and $2.
  bool rows_match = true;  // False: a transform filters or multiplies rows.
};

/// Pairs what `integration` reads with what stands in the destination.
/// A transform's columns are compared by value where they are source columns
/// unchanged. Errors: DuckDB's for a transform that does not parse.
Result<ComparedColumns> CompareColumns(const estate::Integration& integration,
                                       const postgres::SelectedColumns& source,
                                       const std::vector<duck::TableColumn>& destination,
                                       duckdb_connection connection);

}  // namespace afluente::comparison
