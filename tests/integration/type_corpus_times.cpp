#include "integration/type_corpus.h"

namespace afluente::test {
namespace {

std::vector<TypeCase> DayTimeCases() {
  return {
      {.name = "Time",
       .pg_type = "time",
       .duck_type = "TIME",
       .values = {"00:00", "00:00:00.000001", "12:34:56", "12:34:56.5", "23:59:59.999999",
                  "24:00:00"}},
      {.name = "Time3", .pg_type = "time(3)", .duck_type = "TIME", .values = {"12:34:56.789123"}},
      {.name = "Timetz",
       .pg_type = "timetz",
       .duck_type = "TIME WITH TIME ZONE",
       .values = {"00:00+00", "12:34:56.789-03", "12:00+05:30", "23:59:59.999999+15:59:59",
                  "00:00-15:59:59", "24:00:00+00", "24:00:00-15:59", "12:00:00+01:02:03"}},
      {.name = "Interval",
       .pg_type = "interval",
       .duck_type = "INTERVAL",
       .print = Print::kInterval,
       .values = {"0",
                  "1 second",
                  "-1 second",
                  "0.000001 second",
                  "-0.000001 second",
                  "1 day",
                  "-1 day",
                  "2 days",
                  "1 month",
                  "-1 month",
                  "1 year",
                  "-1 year",
                  "12 months",
                  "13 months",
                  "-13 months",
                  "1 year 2 mons 3 days 04:05:06.789",
                  "-1 year -2 mons +3 days -04:05:06.789",
                  "1 mon -1 day",
                  "-1 mon 1 day 1 second",
                  "1 day -1 second",
                  "-1 day +00:00:01",
                  "100:00:00",
                  "-100:00:00",
                  "26:02:01",
                  "178956970 years 7 mons",
                  "-178956970 years -8 mons",
                  "2147483647 days",
                  "-2147483648 days",
                  "2562047788:00:54.775807",
                  "-2562047788:00:54.775807",
                  "1.5 seconds",
                  "59.999999 seconds"}},
      {.name = "IntervalYearToMonth",
       .pg_type = "interval year to month",
       .duck_type = "INTERVAL",
       .print = Print::kInterval,
       .values = {"1-2", "-1-2"}},
  };
}

}  // namespace

std::vector<TypeCase> TimeCases() {
  std::vector<TypeCase> cases = {
      {.name = "Date",
       .pg_type = "date",
       .duck_type = "DATE",
       .print = Print::kDate,
       .values = {"1970-01-01", "1969-12-31", "2000-01-01", "2000-02-29", "1900-02-28",
                  "1582-10-04", "1582-10-15", "0001-01-01", "0001-12-31 BC", "0044-03-15 BC",
                  "4714-11-24 BC", "9999-12-31", "10000-01-01", "294277-01-01", "5874897-12-31",
                  "infinity", "-infinity"}},
      {.name = "Timestamp",
       .pg_type = "timestamp",
       .duck_type = "TIMESTAMP",
       .print = Print::kTimestamp,
       .values = {"1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "2000-01-01 00:00:00",
                  "2020-02-29 12:34:56.789", "2020-02-29 12:34:56.000001", "0001-01-01 00:00:00",
                  "0001-12-31 23:59:59.5 BC", "4714-11-24 00:00:00 BC",
                  "9999-12-31 23:59:59.999999", "10000-01-01 00:00:00",
                  "294247-01-10 04:00:54.775806", "infinity", "-infinity"}},
      {.name = "Timestamp3",
       .pg_type = "timestamp(3)",
       .duck_type = "TIMESTAMP",
       .print = Print::kTimestamp,
       .values = {"2020-02-29 12:34:56.789999", "2020-02-29 12:34:56.7"}},
      {.name = "Timestamptz",
       .pg_type = "timestamptz",
       .duck_type = "TIMESTAMP WITH TIME ZONE",
       .print = Print::kTimestamptz,
       .values = {"1970-01-01 00:00:00+00", "1969-12-31 23:59:59.999999+00",
                  "2026-11-23 10:00:00-03", "2018-11-04 00:30:00 America/Sao_Paulo",
                  "2020-02-29 12:34:56.789+05:30", "0001-01-01 00:00:00+00",
                  "0001-12-31 23:59:59.5+00 BC", "4714-11-24 00:00:00+00 BC",
                  "9999-12-31 23:59:59.999999+00", "10000-01-01 00:00:00+00",
                  "294247-01-10 04:00:54.775806+00", "infinity", "-infinity"}},
  };
  for (auto& more : DayTimeCases()) cases.push_back(more);
  return cases;
}

}  // namespace afluente::test
