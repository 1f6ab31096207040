// PostgreSQL's numeric in its binary form and in its text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace afluente::postgres {

enum class NumericOutcome : std::uint8_t { kExact, kMalformed, kNotFinite, kDigitsLost };

/// Reads a numeric as an integer of units of 10^-scale.
///
/// Shape   digit count, weight, sign, display scale (each 16 bits), then digits
///         in base 10,000.
/// Result  kExact and `value`, or kDigitsLost if the number has non-zero digits
///         past `scale` or does not fit `precision` digits: never rounded.
/// Source  PostgreSQL src/backend/utils/adt/numeric.c, numeric_send.
NumericOutcome ParseNumeric(std::string_view cell, int precision, int scale, __int128& value);

/// The same of the text "-123.4500", "NaN" or "Infinity".
/// Source  PostgreSQL src/backend/utils/adt/numeric.c, numeric_out: digits on
///         both sides of a point, never an exponent.
NumericOutcome ParseNumericText(std::string_view text, int precision, int scale, __int128& value);

/// Appends `value` units of 10^-scale as a numeric cell, its length word first.
/// The display scale is `scale`, so 1.50 stays 1.50.
/// Source: numeric.c, numeric_recv.
void AppendNumeric(__int128 value, int scale, std::string& out);

}  // namespace afluente::postgres
