#include "integration/type_print.h"

#include <fmt/format.h>

namespace afluente::test {
namespace {

/// "0044-03-15 (BC) 12:00:00" -> "0044-03-15 12:00:00<suffix> BC".
std::string WithEraLast(const std::string& text, const std::string& suffix) {
  return fmt::format(
      "(case when contains({0}, ' (BC)') then replace({0}, ' (BC)', '') || '{1} BC' "
      "when contains({0}, 'infinity') then {0} else {0} || '{1}' end)",
      text, suffix);
}

/// PostgreSQL's EncodeInterval, style postgres: "1 year -2 mons +3 days -04:05:06.5".
std::string IntervalText(const std::string& v) {
  const auto part = [&](const char* name) { return fmt::format("datepart('{}', {})", name, v); };
  const std::string y = part("year");
  const std::string m = part("month");
  const std::string d = part("day");
  const std::string h = part("hour");
  const std::string mi = part("minute");
  const std::string us = part("microsecond");  // Seconds included.
  const auto unit = [](const std::string& value, const std::string& plus, const char* name) {
    return fmt::format(
        "case when {0} <> 0 then {1} || {0} || ' {2}' || case when {0} <> 1 then 's' else '' end "
        "end",
        value, plus, name);
  };
  const std::string plus_day =
      fmt::format("case when {0} > 0 and ({1} < 0 or {2} < 0) then '+' else '' end", d, y, m);
  const std::string has_time = fmt::format("({} <> 0 or {} <> 0 or {} <> 0)", h, mi, us);
  const std::string sign = fmt::format(
      "case when {0} < 0 or {1} < 0 or {2} < 0 then '-' "
      "when {3} < 0 or ({3} = 0 and ({4} < 0 or {5} < 0)) then '+' else '' end",
      h, mi, us, d, y, m);
  const std::string fraction = fmt::format(
      "case when abs({0}) % 1000000 <> 0 then rtrim(printf('.%06d', abs({0}) % 1000000), '0') "
      "else '' end",
      us);
  const std::string time = fmt::format(
      "case when {0} or ({1} = 0 and {2} = 0 and {3} = 0) then {4} || printf('%02d', abs({5})) || "
      "':' || printf('%02d', abs({6})) || ':' || printf('%02d', abs({7}) // 1000000) || {8} end",
      has_time, y, m, d, sign, h, mi, us, fraction);
  return fmt::format("(case when {} is not null then concat_ws(' ', {}, {}, {}, {}) end)", v,
                     unit(y, "''", "year"), unit(m, "''", "mon"), unit(d, plus_day, "day"), time);
}

std::string ScalarText(Print print, const std::string& v, bool in_array) {
  switch (print) {
    case Print::kBool:
      return in_array ? fmt::format("(case when {} then 't' else 'f' end)", v) : v + "::varchar";
    case Print::kDecimal:
      return fmt::format("regexp_replace({}::varchar, '^(-?)[.]', '\\10.')", v);
    case Print::kFloat8:
    case Print::kFloat4:
      // DuckDB's compression takes 0 and -0 for one value and keeps either sign.
      return fmt::format("(case when {0} = 0 then 0::{1} else {0} end)::bit::varchar", v,
                         print == Print::kFloat8 ? "double" : "float");
    case Print::kBytea:
      return fmt::format("('\\x' || lower(hex({})))", v);
    case Print::kDate:
    case Print::kTimestamp:
      return WithEraLast(v + "::varchar", "");
    case Print::kTimestamptz:
      // Not AT TIME ZONE, which fails near the ends of the range.
      return WithEraLast(fmt::format("(case when isinf({0}) then {0}::varchar else "
                                     "make_timestamp(epoch_us({0}))::varchar end)",
                                     v),
                         "+00");
    case Print::kInterval:
      return IntervalText(v);
    case Print::kPlain:
    case Print::kTextArray:
      return v + "::varchar";
  }
  return v;
}

/// PostgreSQL's array_out: quotes where a reader would need them.
std::string ListText(Print print, const std::string& v, int depth) {
  const std::string x = fmt::format("x{}", depth);
  std::string element;
  if (depth > 1) {
    element = ListText(print, x, depth - 1);
  } else {
    const std::string text = ScalarText(print, x, true);
    element = fmt::format(
        "case when {0} = '' or upper({0}) = 'NULL' or "
        "regexp_matches({0}, '[{{}},\"\\\\ \\t\\n\\r\\f\\x0b]') "
        "then '\"' || replace(replace({0}, '\\', '\\\\'), '\"', '\\\"') || '\"' else {0} end",
        text);
  }
  return fmt::format(
      "('{{' || array_to_string(list_transform({0}, lambda {1}: case when {1} is null "
      "then 'NULL' else {2} end), ',') || '}}')",
      v, x, element);
}

std::string FloatBits(Print print, const std::string& v) {
  const std::string type = print == Print::kFloat8 ? "float8" : "float4";
  return fmt::format(
      "('x' || encode({0}send(case when {1} = 0 then 0::{0} else {1} end), 'hex'))::bit({2})::text",
      type, v, print == Print::kFloat8 ? 64 : 32);
}

}  // namespace

std::string PgText(const TypeCase& type_case) {
  const bool is_float = type_case.print == Print::kFloat8 || type_case.print == Print::kFloat4;
  if (is_float && !type_case.as_text) {
    if (type_case.list_depth == 0) return FloatBits(type_case.print, "v");
    return fmt::format(
        "case when v = '{{}}' then '{{}}' else (select array_agg({} order by o) "
        "from unnest(v) with ordinality u(e, o))::text end",
        FloatBits(type_case.print, "e"));
  }
  if (type_case.print == Print::kTextArray) return "v::text[]::text";
  return "v::text";
}

std::string DuckText(const TypeCase& type_case) {
  if (type_case.as_text) return "v";
  if (type_case.list_depth > 0) return ListText(type_case.print, "v", type_case.list_depth);
  return ScalarText(type_case.print, "v", false);
}

}  // namespace afluente::test
