#include "connectors/bigquery/types.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/names.h"

namespace afluente::bigquery {
namespace {

using data::Kind;
using data::LogicalType;
using nlohmann::json;

// Fails on a value for which `wrong` holds.
std::string Checked(const std::string& column, const std::string& value, const std::string& wrong,
                    const std::string& what) {
  return fmt::format(
      "CASE WHEN {} THEN error({}) ELSE {} END", wrong,
      QuoteLiteral(fmt::format("column {} has {}, which BigQuery cannot hold; keep "
                               "it as text with `columns: {{ {}: {{ type: text }} }}`",
                               column, what, column)),
      value);
}

// BigQuery's own literal: [-]Y-M D [-]H:M:S.F (GoogleSQL, "Constructing an interval").
std::string IntervalText(const std::string& value) {
  const std::string months =
      fmt::format("(date_part('year', {0}) * 12 + date_part('month', {0}))", value);
  const std::string micros = fmt::format(
      "(CAST(date_part('hour', {0}) AS HUGEINT) * 3600000000 + date_part('minute', {0}) * 60000000 "
      "+ date_part('microsecond', {0}))",
      value);
  return fmt::format(
      "CASE WHEN {0} < 0 THEN '-' ELSE '' END || (abs({0}) // 12) || '-' || (abs({0}) % 12) || ' ' "
      "|| date_part('day', {1}) || ' ' || CASE WHEN {2} < 0 THEN '-' ELSE '' END || (abs({2}) // "
      "3600000000) || ':' || (abs({2}) // 60000000 % 60) || ':' || (abs({2}) // 1000000 % 60) || "
      "'.' || lpad(CAST(abs({2}) % 1000000 AS VARCHAR), 6, '0')",
      months, value, micros);
}

// How one value travels: like a ColumnForm, without a name.
struct Travel {
  std::string to_file;
  std::string file_type;
  std::string from_stage;
};

Travel TravelOf(const std::string& column, const LogicalType& type, const std::string& value,
                const std::string& staged) {
  const auto same = [&](const std::string& as) { return Travel{as, type.BigqueryName(), staged}; };
  switch (type.kind) {
    case Kind::kBool:
    case Kind::kInt16:
    case Kind::kInt32:
    case Kind::kInt64:
    case Kind::kUint32:
    case Kind::kFloat32:
    case Kind::kFloat64:
    case Kind::kDecimal:
    case Kind::kText:
    case Kind::kBytes:
      return same(value);
    case Kind::kUuid:
    case Kind::kTimeTz:
      return same(fmt::format("CAST({} AS VARCHAR)", value));
    case Kind::kJson:
      return {fmt::format("CAST({} AS VARCHAR)", value), "STRING",
              fmt::format("PARSE_JSON({})", staged)};
    case Kind::kDate:
      return same(Checked(column, value,
                          fmt::format("{0} < DATE '0001-01-01' OR {0} > DATE '9999-12-31'", value),
                          "a date before year 1 or after year 9999"));
    case Kind::kTime:
      return same(
          Checked(column, value, fmt::format("{} = TIME '24:00:00'", value), "the time 24:00:00"));
    case Kind::kTimestamp:
      return {Checked(column, fmt::format("strftime({}, '%Y-%m-%dT%H:%M:%S.%f')", value),
                      fmt::format("{0} < TIMESTAMP '0001-01-01' OR {0} >= TIMESTAMP '10000-01-01'",
                                  value),
                      "a timestamp before year 1 or after year 9999"),
              "STRING", fmt::format("CAST({} AS DATETIME)", staged)};
    case Kind::kTimestampTz:
      return same(
          Checked(column, value,
                  fmt::format("{0} < TIMESTAMPTZ '0001-01-01 00:00:00+00' OR {0} >= TIMESTAMPTZ "
                              "'10000-01-01 00:00:00+00'",
                              value),
                  "a timestamp before year 1 or after year 9999"));
    case Kind::kInterval:
      return {IntervalText(value), "STRING", fmt::format("CAST({} AS INTERVAL)", staged)};
    case Kind::kList:
      break;
  }
  if (type.element->kind == Kind::kList) {
    return {fmt::format("CAST(to_json({}) AS VARCHAR)", value), "STRING",
            fmt::format("PARSE_JSON({})", staged)};
  }
  const Travel element = TravelOf(column, *type.element, "e", "e");
  const std::string list = element.to_file == "e" ? value
                                                  : fmt::format("list_transform({}, lambda e: {})",
                                                                value, element.to_file);
  Travel travel;
  travel.to_file = Checked(column, list, fmt::format("len({0}) > list_count({0})", value),
                           "an array with a NULL in it");
  travel.file_type = "ARRAY<" + element.file_type + ">";
  travel.from_stage =
      element.from_stage == "e"
          ? staged
          : fmt::format("ARRAY(SELECT {} FROM UNNEST({}) AS e WITH OFFSET AS o ORDER BY o)",
                        element.from_stage, staged);
  return travel;
}

struct FieldType {
  std::string_view sql;
  std::string_view rest;
};
// What REST calls otherwise than GoogleSQL.
constexpr std::array kRestNames = {FieldType{"INT64", "INTEGER"}, FieldType{"FLOAT64", "FLOAT"},
                                   FieldType{"BOOL", "BOOLEAN"}};

int NumberAt(const json& field, const char* key, int otherwise) {
  const auto found = field.find(key);
  if (found == field.end()) return otherwise;
  return found->is_string() ? std::stoi(found->get<std::string>()) : found->get<int>();
}

std::optional<LogicalType> ScalarOf(const json& field) {
  constexpr std::array<std::pair<std::string_view, Kind>, 15> kKinds = {
      {{"INTEGER", Kind::kInt64},
       {"INT64", Kind::kInt64},
       {"FLOAT", Kind::kFloat64},
       {"FLOAT64", Kind::kFloat64},
       {"BOOLEAN", Kind::kBool},
       {"BOOL", Kind::kBool},
       {"STRING", Kind::kText},
       {"BYTES", Kind::kBytes},
       {"JSON", Kind::kJson},
       {"DATE", Kind::kDate},
       {"TIME", Kind::kTime},
       {"DATETIME", Kind::kTimestamp},
       {"TIMESTAMP", Kind::kTimestampTz},
       {"INTERVAL", Kind::kInterval}}};
  const std::string type = field.value("type", "");
  if (type == "NUMERIC" || type == "BIGNUMERIC") {
    const bool big = type == "BIGNUMERIC";
    const int scale = NumberAt(field, "scale", field.contains("precision") ? 0 : (big ? 19 : 9));
    return LogicalType::Decimal(NumberAt(field, "precision", 38), scale);
  }
  for (const auto& [name, kind] : kKinds) {
    if (name == type) return LogicalType{kind, 0, 0, nullptr};
  }
  return std::nullopt;
}

}  // namespace

Result<ColumnForm> FormOf(const std::string& name, const std::string& duckdb_type) {
  const auto type = LogicalType::FromDuckdbName(duckdb_type);
  if (!type) {
    return Error(ErrorKind::kSchemaMismatch,
                 fmt::format("column {} is {}, which has no type in BigQuery; cast it in the "
                             "transform",
                             name, duckdb_type));
  }
  Travel travel = TravelOf(name, *type, QuoteIdentifier(name), Quoted(name));
  return ColumnForm{name, *type, std::move(travel.to_file), std::move(travel.file_type),
                    std::move(travel.from_stage)};
}

std::string Quoted(const std::string& name) {
  std::string quoted = "`";
  for (const char c : name) {
    if (c == '`' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "`";
}

std::string Literal(const std::string& text) {
  std::string literal = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') {
      literal += '\\';
      literal += c;
    } else if (static_cast<unsigned char>(c) < ' ') {
      literal += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      literal += c;
    }
  }
  return literal + "'";
}

json FieldOf(const std::string& name, const std::string& type) {
  json field = {{"name", name}, {"mode", "NULLABLE"}};
  std::string scalar = type;
  if (type.starts_with("ARRAY<")) {
    field["mode"] = "REPEATED";
    scalar = type.substr(6, type.size() - 7);
  }
  if (const std::size_t open = scalar.find('('); open != std::string::npos) {
    const std::size_t comma = scalar.find(',', open);
    field["precision"] = scalar.substr(open + 1, comma - open - 1);
    field["scale"] = scalar.substr(comma + 1, scalar.size() - comma - 2);
    scalar.resize(open);
  }
  for (const FieldType& known : kRestNames) {
    if (known.sql == scalar) scalar = known.rest;
  }
  field["type"] = scalar;
  return field;
}

std::optional<LogicalType> TypeOfField(const json& field) {
  auto scalar = ScalarOf(field);
  if (!scalar || field.value("mode", "") != "REPEATED") return scalar;
  return LogicalType::List(*std::move(scalar));
}

std::string AsStored(const LogicalType& type) {
  if (type.kind == Kind::kList && type.element->kind != Kind::kList) {
    return AsStored(*type.element) + "[]";
  }
  const std::string name = type.BigqueryName();
  if (name == "INT64") return "BIGINT";
  if (name == "FLOAT64") return "DOUBLE";
  if (name == "STRING") return "VARCHAR";
  if (name == "JSON") return "JSON";
  return type.DuckdbName();
}

}  // namespace afluente::bigquery
