// One text per value, the same in every system: what reconciliation compares.
#pragma once

#include <string>

#include "data/logical_type.h"

namespace afluente::data {

/// SQL over `expression`, a PostgreSQL value that maps to `type`, which yields
/// the canonical text; NULL stays NULL. `cast_to_text`: the value travels as
/// `::text` (see PostgresMapping). The session's TimeZone must be UTC.
std::string CanonicalPostgres(const LogicalType& type, const std::string& expression,
                              bool cast_to_text);

/// The same text from a DuckDB value of that type.
///
/// Forms: floats bit for bit; dates as days, times and timestamps as
/// microseconds since 1970 (infinities by name); intervals as months, days,
/// microseconds; bytes in hex; lists as their flattened elements; all else as
/// both systems print it.
std::string CanonicalDuckdb(const LogicalType& type, const std::string& expression);

/// Whether both systems print the plain text of the type alike (`::text`,
/// `::VARCHAR`), so that masks over that text give the same result.
bool PrintsAlike(const LogicalType& type);

}  // namespace afluente::data
