#include "data/postgres_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace afluente::data {
namespace {

// Source: PostgreSQL src/include/catalog/pg_type.dat.
constexpr std::uint32_t kBpcharOid = 1042;
constexpr std::uint32_t kNumericOid = 1700;

constexpr std::array kNatural = {
    PostgresType{"boolean", 16, 1000, Kind::kBool, ""},
    PostgresType{"smallint", 21, 1005, Kind::kInt16, ""},
    PostgresType{"integer", 23, 1007, Kind::kInt32, ""},
    PostgresType{"bigint", 20, 1016, Kind::kInt64, ""},
    PostgresType{"oid", 26, 1028, Kind::kUint32, ""},
    PostgresType{"real", 700, 1021, Kind::kFloat32,
                 "bit for bit, NaN and infinities too; only the sign of zero may be lost, as "
                 "DuckDB compresses"},
    PostgresType{"double precision", 701, 1022, Kind::kFloat64,
                 "bit for bit, NaN and infinities too; only the sign of zero may be lost, as "
                 "DuckDB compresses"},
    PostgresType{
        "numeric", kNumericOid, 1231, Kind::kDecimal,
        "with a precision up to 38; without one, or over 38: VARCHAR with every digit. NaN in "
        "a DECIMAL column fails the run: `type: text` keeps it"},
    PostgresType{"text", 25, 1009, Kind::kText, ""},
    PostgresType{"character varying", 1043, 1015, Kind::kText, ""},
    PostgresType{"character", kBpcharOid, 1014, Kind::kText,
                 "without the padding, as `::text` prints it"},
    PostgresType{"name", 19, 1003, Kind::kText, ""},
    PostgresType{"json", 114, 199, Kind::kJson, "byte for byte"},
    PostgresType{"jsonb", 3802, 3807, Kind::kJson, "as `::text` prints it"},
    PostgresType{"bytea", 17, 1001, Kind::kBytes, ""},
    PostgresType{"uuid", 2950, 2951, Kind::kUuid, ""},
    PostgresType{"date", 1082, 1182, Kind::kDate, "infinity and BC kept"},
    PostgresType{"time without time zone", 1083, 1183, Kind::kTime, "24:00:00 kept"},
    PostgresType{"time with time zone", 1266, 1270, Kind::kTimeTz, "offset kept"},
    PostgresType{
        "timestamp without time zone", 1114, 1115, Kind::kTimestamp,
        "infinity and BC kept; after 294247-01-10 04:00:54.775806 the run fails: microseconds "
        "since 1970 do not reach further (`type: text` does)"},
    PostgresType{"timestamp with time zone", 1184, 1185, Kind::kTimestampTz,
                 "as timestamp, in UTC"},
    PostgresType{"interval", 1186, 1187, Kind::kInterval,
                 "months, days and microseconds kept apart"},
};

const PostgresType* FindNatural(std::uint32_t oid) {
  const auto* found = std::find_if(kNatural.begin(), kNatural.end(),
                                   [&](const PostgresType& row) { return row.oid == oid; });
  return found == kNatural.end() ? nullptr : found;
}

// Source: PostgreSQL src/backend/utils/adt/numeric.c, numeric_typmod_precision
// and numeric_typmod_scale. Since 15 a scale may be negative or exceed the
// precision; both still are plain decimals. nullopt: no precision, or over 38.
std::optional<LogicalType> DecimalOf(std::int32_t typmod) {
  constexpr int kHeader = 4;
  if (typmod < kHeader) return std::nullopt;
  const int precision = ((typmod - kHeader) >> 16) & 0xffff;
  const int scale = (((typmod - kHeader) & 0x7ff) ^ 1024) - 1024;
  const int digits = scale < 0 ? precision - scale : std::max(precision, scale);
  if (digits > 38) return std::nullopt;
  return LogicalType::Decimal(digits, std::max(scale, 0));
}

// nullopt: no natural type.
std::optional<LogicalType> ScalarType(std::uint32_t oid, std::int32_t typmod, bool is_enum) {
  if (is_enum) return LogicalType{};
  if (oid == kNumericOid) return DecimalOf(typmod);
  const PostgresType* natural = FindNatural(oid);
  if (natural == nullptr) return std::nullopt;
  return LogicalType{natural->kind, 0, 0, nullptr};
}

LogicalType Nested(LogicalType element, int dimensions) {
  for (int depth = 0; depth < std::max(1, dimensions); ++depth) {
    element = LogicalType::List(std::move(element));
  }
  return element;
}

// "decimal(20, 4)" or "numeric(20,4)", any case.
std::optional<LogicalType> ParseDecimal(std::string_view requested) {
  std::string text;
  for (const char c : requested) {
    if (c != ' ') text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (!text.starts_with("decimal(") && !text.starts_with("numeric(")) return std::nullopt;
  int precision = 0;
  int scale = 0;
  const char* const end = text.data() + text.size();
  auto parsed = std::from_chars(text.data() + 8, end, precision);
  if (parsed.ec == std::errc{} && parsed.ptr != end && *parsed.ptr == ',') {
    parsed = std::from_chars(parsed.ptr + 1, end, scale);
  }
  if (parsed.ec != std::errc{} || std::string_view(parsed.ptr, end) != ")") return std::nullopt;
  if (precision < 1 || precision > 38 || scale < 0 || scale > precision) return std::nullopt;
  return LogicalType::Decimal(precision, scale);
}

bool IsText(std::string_view requested) {
  return requested == "text" || requested == "TEXT" || requested == "varchar" ||
         requested == "VARCHAR";
}

}  // namespace

std::span<const PostgresType> NaturalPostgresTypes() { return kNatural; }

PostgresMapping MapPostgresType(const PostgresColumnType& column) {
  const bool is_array = column.element_oid != 0;
  const std::optional<LogicalType> scalar =
      is_array ? ScalarType(column.element_oid, column.element_typmod, column.is_enum)
               : ScalarType(column.oid, column.typmod, column.is_enum);
  LogicalType type = scalar.value_or(LogicalType{});
  if (is_array) type = Nested(std::move(type), column.dimensions);
  return {std::move(type), !scalar.has_value()};
}

std::optional<PostgresMapping> MapRequestedType(const PostgresColumnType& column,
                                                std::string_view requested) {
  if (IsText(requested)) return PostgresMapping{LogicalType{}, true};
  if (column.oid == kNumericOid) {
    if (const auto decimal = ParseDecimal(requested)) return PostgresMapping{*decimal, false};
  }
  return std::nullopt;
}

std::string TypesPage() {
  std::string page =
      "# Types\n\n"
      "Printed by `afluente schema --types` from the table that the program itself reads.\n\n"
      "| PostgreSQL | logical | DuckDB | BigQuery | |\n|---|---|---|---|---|\n";
  for (const PostgresType& row : kNatural) {
    const KindRow& kind = AllKinds()[static_cast<std::size_t>(row.kind)];
    page += fmt::format("| {} | {} | {} | {} | {} |\n", row.name, kind.name, kind.duckdb,
                        kind.bigquery, row.note);
  }
  page +=
      "| array of any type above | list | T[] | ARRAY<T> | nested as deep as the column is "
      "declared "
      "(`int[][]` is `INTEGER[][]`; BigQuery: JSON); NULL elements kept. A value with other "
      "dimensions, or with a lower bound other than 1, fails the run: `type: text` keeps it |\n"
      "| enum | text | VARCHAR | STRING | the label |\n"
      "| domain | | | | as its base type |\n"
      "| everything else: inet, cidr, macaddr, bit, money, point and the geometric types, "
      "tsvector, "
      "xml, hstore, ranges, multiranges, composites, ... | text | VARCHAR | STRING | exactly as "
      "`::text` prints it; arrays of them are VARCHAR[]; mode cdc brings xml without its "
      "declaration, which the log does not carry |\n\n"
      "`columns: { x: { type: text } }` brings any column as PostgreSQL's text form; "
      "`type: decimal(20,4)` reads a numeric exactly or fails, it never rounds; any other `type` "
      "is "
      "a DuckDB type to which the value is cast.\n";
  return page;
}

}  // namespace afluente::data
