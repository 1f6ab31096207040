#include "data/logical_type.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace afluente::data {
namespace {

constexpr std::array kKinds = {
    KindRow{Kind::kBool, "bool", "BOOLEAN", "BOOL", DUCKDB_TYPE_BOOLEAN},
    KindRow{Kind::kInt16, "int16", "SMALLINT", "INT64", DUCKDB_TYPE_SMALLINT},
    KindRow{Kind::kInt32, "int32", "INTEGER", "INT64", DUCKDB_TYPE_INTEGER},
    KindRow{Kind::kInt64, "int64", "BIGINT", "INT64", DUCKDB_TYPE_BIGINT},
    KindRow{Kind::kUint32, "uint32", "UINTEGER", "INT64", DUCKDB_TYPE_UINTEGER},
    KindRow{Kind::kFloat32, "float32", "FLOAT", "FLOAT64", DUCKDB_TYPE_FLOAT},
    KindRow{Kind::kFloat64, "float64", "DOUBLE", "FLOAT64", DUCKDB_TYPE_DOUBLE},
    KindRow{Kind::kDecimal, "decimal", "DECIMAL", "NUMERIC", DUCKDB_TYPE_DECIMAL},
    KindRow{Kind::kText, "text", "VARCHAR", "STRING", DUCKDB_TYPE_VARCHAR},
    KindRow{Kind::kJson, "json", "JSON", "JSON", DUCKDB_TYPE_VARCHAR},
    KindRow{Kind::kBytes, "bytes", "BLOB", "BYTES", DUCKDB_TYPE_BLOB},
    KindRow{Kind::kUuid, "uuid", "UUID", "STRING", DUCKDB_TYPE_UUID},
    KindRow{Kind::kDate, "date", "DATE", "DATE", DUCKDB_TYPE_DATE},
    KindRow{Kind::kTime, "time", "TIME", "TIME", DUCKDB_TYPE_TIME},
    KindRow{Kind::kTimeTz, "timetz", "TIME WITH TIME ZONE", "STRING", DUCKDB_TYPE_TIME_TZ},
    KindRow{Kind::kTimestamp, "timestamp", "TIMESTAMP", "DATETIME", DUCKDB_TYPE_TIMESTAMP},
    KindRow{Kind::kTimestampTz, "timestamptz", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP",
            DUCKDB_TYPE_TIMESTAMP_TZ},
    KindRow{Kind::kInterval, "interval", "INTERVAL", "INTERVAL", DUCKDB_TYPE_INTERVAL},
    KindRow{Kind::kList, "list", "LIST", "ARRAY", DUCKDB_TYPE_LIST},
};

const KindRow& RowOf(Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

// BigQuery: NUMERIC has 29 integer digits and scale 9, BIGNUMERIC 38 and 38.
std::string BigqueryDecimal(int precision, int scale) {
  const bool numeric = scale <= 9 && precision - scale <= 29;
  return fmt::format("{}({},{})", numeric ? "NUMERIC" : "BIGNUMERIC", precision, scale);
}

}  // namespace

std::span<const KindRow> AllKinds() { return kKinds; }

LogicalType LogicalType::List(LogicalType element) {
  LogicalType list{Kind::kList, 0, 0, nullptr};
  list.element = std::make_shared<const LogicalType>(std::move(element));
  return list;
}

// NOLINTNEXTLINE(misc-no-recursion): a list's element is a type.
std::optional<LogicalType> LogicalType::FromDuckdbName(std::string_view name) {
  if (name.ends_with("[]")) {
    auto element = FromDuckdbName(name.substr(0, name.size() - 2));
    if (!element) return std::nullopt;
    return List(*std::move(element));
  }
  if (name.starts_with("DECIMAL(")) {
    LogicalType decimal{Kind::kDecimal, 0, 0, nullptr};
    const char* const end = name.data() + name.size();
    const auto comma = std::from_chars(name.data() + 8, end, decimal.precision);
    if (comma.ec != std::errc{} || comma.ptr == end) return std::nullopt;
    const auto last = std::from_chars(comma.ptr + 1, end, decimal.scale);
    if (last.ec != std::errc{} || std::string_view(last.ptr, end) != ")") return std::nullopt;
    return decimal;
  }
  for (const KindRow& row : kKinds) {
    const bool whole = row.kind != Kind::kDecimal && row.kind != Kind::kList;
    if (whole && row.duckdb == name) return LogicalType{row.kind, 0, 0, nullptr};
  }
  return std::nullopt;
}

std::string LogicalType::DuckdbName() const {
  if (kind == Kind::kDecimal) return fmt::format("DECIMAL({},{})", precision, scale);
  if (kind == Kind::kList) return element->DuckdbName() + "[]";
  return std::string(RowOf(kind).duckdb);
}

std::string LogicalType::BigqueryName() const {
  if (kind == Kind::kDecimal) return BigqueryDecimal(precision, scale);
  if (kind == Kind::kList) {
    // BigQuery has no array of arrays: inner lists travel as JSON.
    return element->kind == Kind::kList ? "JSON" : "ARRAY<" + element->BigqueryName() + ">";
  }
  return std::string(RowOf(kind).bigquery);
}

DuckType LogicalType::ToDuckdb() const {
  if (kind == Kind::kDecimal) {
    return DuckType(duckdb_create_decimal_type(static_cast<std::uint8_t>(precision),
                                               static_cast<std::uint8_t>(scale)));
  }
  if (kind == Kind::kList) {
    return DuckType(duckdb_create_list_type(element->ToDuckdb().get()));
  }
  DuckType type(duckdb_create_logical_type(RowOf(kind).duckdb_id));
  // DuckDB's JSON is VARCHAR under another name; with the alias an INSERT does
  // not parse every value once more.
  if (kind == Kind::kJson) duckdb_logical_type_set_alias(type.get(), "JSON");
  return type;
}

}  // namespace afluente::data
