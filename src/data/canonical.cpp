#include "data/canonical.h"

#include <fmt/format.h>

namespace afluente::data {
namespace {

// Separators that text of people does not contain.
constexpr const char* kElementEnd = "chr(29)";
constexpr const char* kNullElement = "chr(30)";

const LogicalType& LeafOf(const LogicalType& list) {
  const LogicalType* leaf = &list;
  while (leaf->kind == Kind::kList) leaf = leaf->element.get();
  return *leaf;
}

std::string PostgresList(const LogicalType& type, const std::string& x, bool cast_to_text) {
  return fmt::format(
      "CASE WHEN {0} IS NOT NULL THEN '[' || coalesce((SELECT string_agg(coalesce({1}, {2}), {3} "
      "ORDER BY o) FROM unnest({0}) WITH ORDINALITY AS u(e, o)), '') || ']' END",
      x, CanonicalPostgres(LeafOf(type), "e", cast_to_text), kNullElement, kElementEnd);
}

std::string DuckdbList(const LogicalType& type, const std::string& x) {
  std::string flat = x;
  for (const LogicalType* inner = type.element.get(); inner->kind == Kind::kList;
       inner = inner->element.get()) {
    flat = "flatten(" + flat + ")";
  }
  return fmt::format(
      "CASE WHEN {0} IS NOT NULL THEN '[' || coalesce(array_to_string(list_transform({1}, "
      "lambda e: coalesce({2}, {3})), {4}), '') || ']' END",
      x, flat, CanonicalDuckdb(LeafOf(type), "e"), kNullElement, kElementEnd);
}

}  // namespace

// NOLINTNEXTLINE(misc-no-recursion): a list's element is a type.
std::string CanonicalPostgres(const LogicalType& type, const std::string& x, bool cast_to_text) {
  switch (type.kind) {
    case Kind::kFloat32:
      return fmt::format("('x' || encode(float4send({}), 'hex'))::bit(32)::text", x);
    case Kind::kFloat64:
      return fmt::format("('x' || encode(float8send({}), 'hex'))::bit(64)::text", x);
    case Kind::kDecimal:
      // A value that has more digits than the destination's type is a difference, not an error.
      // Nothing is rounded away either.
      return fmt::format(
          "round({0}::numeric, greatest(scale(trim_scale({0}::numeric)), {1}))::text", x,
          type.scale);
    case Kind::kBytes:
      return fmt::format("encode({}, 'hex')", x);
    case Kind::kDate:
      return fmt::format(
          "CASE WHEN isfinite({0}) THEN ({0} - date '1970-01-01')::text ELSE {0}::text END", x);
    case Kind::kTime:
      return fmt::format("(extract(epoch FROM {}) * 1000000)::bigint::text", x);
    case Kind::kTimestamp:
    case Kind::kTimestampTz:
      return fmt::format(
          "CASE WHEN isfinite({0}) THEN (extract(epoch FROM {0}) * 1000000)::bigint::text "
          "ELSE {0}::text END",
          x);
    case Kind::kInterval:
      return fmt::format(
          "(extract(year FROM {0}) * 12 + extract(month FROM {0}))::bigint || ',' || "
          "extract(day FROM {0})::bigint || ',' || (extract(hour FROM {0}) * 3600000000 + "
          "extract(minute FROM {0}) * 60000000 + extract(microseconds FROM {0}))::bigint",
          x);
    case Kind::kList:
      return PostgresList(type, x, cast_to_text);
    case Kind::kBool:
    case Kind::kInt16:
    case Kind::kInt32:
    case Kind::kInt64:
    case Kind::kUint32:
    case Kind::kText:
    case Kind::kJson:
    case Kind::kUuid:
    case Kind::kTimeTz:
      return x + "::text";
  }
  return x + "::text";
}

// NOLINTNEXTLINE(misc-no-recursion): a list's element is a type.
std::string CanonicalDuckdb(const LogicalType& type, const std::string& x) {
  switch (type.kind) {
    case Kind::kFloat32:
    case Kind::kFloat64:
      return x + "::BIT::VARCHAR";
    case Kind::kBytes:
      return fmt::format("lower(hex({}))", x);
    case Kind::kDate:
      return fmt::format(
          "CASE WHEN isinf({0}) THEN {0}::VARCHAR ELSE ({0} - DATE '1970-01-01')::VARCHAR END", x);
    case Kind::kTime:
      return fmt::format("epoch_us({})::VARCHAR", x);
    case Kind::kTimestamp:
    case Kind::kTimestampTz:
      return fmt::format("CASE WHEN isinf({0}) THEN {0}::VARCHAR ELSE epoch_us({0})::VARCHAR END",
                         x);
    case Kind::kInterval:
      return fmt::format(
          "(datepart('year', {0}) * 12 + datepart('month', {0})) || ',' || datepart('day', {0}) || "
          "',' || (datepart('hour', {0}) * 3600000000 + datepart('minute', {0}) * 60000000 + "
          "datepart('microsecond', {0}))",
          x);
    case Kind::kList:
      return DuckdbList(type, x);
    case Kind::kBool:
    case Kind::kInt16:
    case Kind::kInt32:
    case Kind::kInt64:
    case Kind::kUint32:
    case Kind::kDecimal:
    case Kind::kText:
    case Kind::kJson:
    case Kind::kUuid:
    case Kind::kTimeTz:
      return x + "::VARCHAR";
  }
  return x + "::VARCHAR";
}

bool PrintsAlike(const LogicalType& type) {
  switch (type.kind) {
    case Kind::kBool:
    case Kind::kInt16:
    case Kind::kInt32:
    case Kind::kInt64:
    case Kind::kUint32:
    case Kind::kDecimal:
    case Kind::kText:
    case Kind::kJson:
    case Kind::kUuid:
      return true;
    case Kind::kFloat32:
    case Kind::kFloat64:
    case Kind::kBytes:
    case Kind::kDate:
    case Kind::kTime:
    case Kind::kTimeTz:
    case Kind::kTimestamp:
    case Kind::kTimestampTz:
    case Kind::kInterval:
    case Kind::kList:
      return false;
  }
  return false;
}

}  // namespace afluente::data
