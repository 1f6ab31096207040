// Query results in the three forms that people and programs read.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "data/duckdb_api.h"

namespace afluente::cli {

enum class RowFormat : std::uint8_t {
  kTable,  // Aligned, with a count below.
  kCsv,    // RFC 4180 with a header; NULL is an empty field, "" an empty string.
  kJson,   // An array of objects; numbers that a double holds exactly are numbers, all else text.
};

/// Prints all rows of `query` to stdout. CSV and JSON stream; a table is held
/// in memory to be aligned.
/// Errors: what the statement fails with while it yields rows.
Status PrintRows(data::TextQuery& query, RowFormat format);

}  // namespace afluente::cli
