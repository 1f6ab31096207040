// The types that travel: few, each with one exact form in DuckDB and BigQuery.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/duckdb_api.h"

namespace afluente::data {

enum class Kind : std::uint8_t {
  kBool,
  kInt16,
  kInt32,
  kInt64,
  kUint32,
  kFloat32,
  kFloat64,
  kDecimal,  // Exact, up to 38 digits; precision and scale stand beside it.
  kText,     // UTF-8.
  kJson,     // UTF-8 text, kept byte for byte.
  kBytes,
  kUuid,
  kDate,
  kTime,
  kTimeTz,
  kTimestamp,    // Microseconds without a zone.
  kTimestampTz,  // Microseconds since 1970 in UTC.
  kInterval,     // Months, days and microseconds, each kept apart.
  kList,         // Of `element`.
};

/// One logical type. A value; lists share their element.
struct LogicalType {
  Kind kind = Kind::kText;
  int precision = 0;                           // kDecimal: 1 to 38.
  int scale = 0;                               // kDecimal: 0 to precision.
  std::shared_ptr<const LogicalType> element;  // kList.

  static LogicalType Decimal(int precision, int scale) {
    return {Kind::kDecimal, precision, scale, nullptr};
  }
  static LogicalType List(LogicalType element);
  /// The inverse of DuckdbName; nullopt for a DuckDB type that is none of ours.
  static std::optional<LogicalType> FromDuckdbName(std::string_view name);

  /// "DECIMAL(12,4)", "VARCHAR[]": as DuckDB's DESCRIBE prints it.
  std::string DuckdbName() const;
  /// "BIGNUMERIC(38,4)", "ARRAY<STRING>": as a BigQuery column definition says it.
  std::string BigqueryName() const;
  /// The handle for table functions and chunks.
  DuckType ToDuckdb() const;
};

struct Column {
  std::string name;
  LogicalType type;
  bool nullable = true;
  int average_bytes = 0;  // Of a value, as the source estimates it; 0: unknown.
};

using Schema = std::vector<Column>;

/// One row of the types table: a logical type and its form in each system.
struct KindRow {
  Kind kind;
  std::string_view name;
  std::string_view duckdb;
  std::string_view bigquery;
  duckdb_type duckdb_id;
};

/// All kinds in the order of the enum.
std::span<const KindRow> AllKinds();

}  // namespace afluente::data
