// PostgreSQL's text of dates, times and intervals.
#pragma once

#include <cstdint>
#include <string_view>

#include "connectors/postgres/cell_decoder.h"

namespace afluente::postgres {

// All read what the output functions print under DateStyle ISO and IntervalStyle
// postgres, and nothing else: kMalformed for any other text.
// Units   days and microseconds since 1970-01-01, as DuckDB counts them; its
//         infinities are the largest integer and the negative of it.
// Source  PostgreSQL src/backend/utils/adt/datetime.c: EncodeDateOnly,
//         EncodeTimeOnly, EncodeDateTime, EncodeTimezone, EncodeInterval.
// Safety  Read nothing outside `text`. Pure.

/// "2026-11-23", "0044-03-15 BC", "-infinity".
Fault ParseDateText(std::string_view text, std::int32_t& days);

/// "10:00:00.5", up to "24:00:00".
Fault ParseTimeText(std::string_view text, std::int64_t& micros);

/// "10:00:00-03", "10:00:00+05:30:15"; `east` is in seconds.
Fault ParseTimeTzText(std::string_view text, std::int64_t& micros, std::int32_t& east);

/// "2026-11-23 10:00:00.5", " BC" last.
Fault ParseTimestampText(std::string_view text, std::int64_t& micros);

/// As ParseTimestampText with an offset, of whichever zone the session has.
Fault ParseTimestampTzText(std::string_view text, std::int64_t& micros);

struct IntervalParts {
  std::int32_t months = 0;
  std::int32_t days = 0;
  std::int64_t micros = 0;
};

/// "1 year -2 mons +3 days -04:05:06.789".
Fault ParseIntervalText(std::string_view text, IntervalParts& parts);

}  // namespace afluente::postgres
