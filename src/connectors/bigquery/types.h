// Which type a column has in BigQuery, and how its values travel there.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/result.h"
#include "data/logical_type.h"

namespace afluente::bigquery {

/// A column on its way: DuckDB writes it into a Parquet file, a load job reads that into the stage,
/// a query takes it from there. Values that BigQuery cannot hold fail the first of the three.
struct ColumnForm {
  std::string name;
  data::LogicalType type;
  std::string to_file;     // DuckDB's SQL over the arriving column.
  std::string file_type;   // GoogleSQL: the stage's type of it, which the file's values have.
  std::string from_stage;  // GoogleSQL over the stage's column.
};

/// Errors: kSchemaMismatch, with the cure, for a type that has no form in BigQuery.
Result<ColumnForm> FormOf(const std::string& name, const std::string& duckdb_type);

/// `name` in backticks, as GoogleSQL quotes an identifier or a path of them.
std::string Quoted(const std::string& name);

/// A string literal of GoogleSQL (Lexical structure: escape sequences).
std::string Literal(const std::string& text);

/// A field of a table's schema (REST, TableFieldSchema) from a GoogleSQL type such as
/// "NUMERIC(10,2)" or "ARRAY<STRING>".
nlohmann::json FieldOf(const std::string& name, const std::string& type);

/// The type of a field of a table's schema that values of ours may have, the widest of its kind:
/// INTEGER is int64. nullopt for STRUCT, GEOGRAPHY and other types that nothing is written to.
std::optional<data::LogicalType> TypeOfField(const nlohmann::json& field);

/// What a type comes back as, in DuckDB's words: types that BigQuery does not tell apart are one.
std::string AsStored(const data::LogicalType& type);

}  // namespace afluente::bigquery
