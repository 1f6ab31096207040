// The types table: PostgreSQL <-> logical type. docs/types.md is printed from it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "data/logical_type.h"

namespace afluente::data {

/// One built-in PostgreSQL type that has a natural logical type.
struct PostgresType {
  std::string_view name;    // As format_type() prints it.
  std::uint32_t oid;        // pg_type.oid; built-in, so the same on every server.
  std::uint32_t array_oid;  // pg_type.typarray.
  Kind kind;
  std::string_view note;  // What the types page says about it; may be "".
};

/// Every type with a natural logical type. All others (network, bit strings,
/// money, geometric, text search, xml, hstore, ranges, composites, ...) travel
/// as the text that PostgreSQL's own `::text` prints.
std::span<const PostgresType> NaturalPostgresTypes();

/// A column's type as the PostgreSQL catalog describes it, domains resolved.
struct PostgresColumnType {
  std::uint32_t oid = 0;          // pg_type.oid, or the base type of a domain.
  std::int32_t typmod = -1;       // pg_attribute.atttypmod, or the domain's.
  std::uint32_t element_oid = 0;  // pg_type.typelem of an array, else 0. Domains resolved.
  std::int32_t element_typmod = -1;
  int dimensions = 0;    // pg_attribute.attndims; 0 counts as 1 for arrays.
  bool is_enum = false;  // The type, or the array's element.
  char delimiter = ',';  // pg_type.typdelim of the array's element.
};

/// How a column travels: its logical type, and whether the server casts it to
/// text (for arrays: text[]) first.
struct PostgresMapping {
  LogicalType type;
  bool cast_to_text = false;
};

/// Maps a column. Never fails: what has no natural type is text.
PostgresMapping MapPostgresType(const PostgresColumnType& column);

/// Maps a column for which the integration asks for `requested` (the key
/// `type`): "text" gives PostgreSQL's text form; "decimal(p,s)" on a numeric
/// column gives that decimal, read exactly. nullopt for any other request:
/// the caller casts inside DuckDB.
std::optional<PostgresMapping> MapRequestedType(const PostgresColumnType& column,
                                                std::string_view requested);

/// docs/types.md.
std::string TypesPage();

}  // namespace afluente::data
