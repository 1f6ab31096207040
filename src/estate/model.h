// Tables that the warehouse makes of others, and what must hold for their rows.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "estate/address.h"
#include "estate/job.h"
#include "estate/trigger.h"

namespace afluente::estate {

/// How a model's result stands in the warehouse.
enum class Materialize : std::uint8_t { kTable, kView, kIncremental };
std::string_view NameOf(Materialize materialize);
enum class Severity : std::uint8_t { kError, kWarn };
std::string_view NameOf(Severity severity);

/// What must hold for the rows of a table.
struct DataTest {
  enum class Kind : std::uint8_t {
    kUnique,
    kNotNull,
    kAcceptedValues,
    kRelationships,
    kFreshness,
    kRowCount,
    kSql,
  };
  Kind kind = Kind::kUnique;
  std::vector<std::string> columns;      // All kinds but kRowCount and kSql; mostly one.
  std::vector<std::string> values;       // kAcceptedValues: compared as text.
  std::optional<TableAddress> to;        // kRelationships
  std::string field;                     // kRelationships: a column of `to`.
  std::chrono::milliseconds max_age{0};  // kFreshness
  std::optional<std::int64_t> min, max;  // kRowCount
  std::string sql;                       // kSql: rows that should not be.
  std::string where;                     // Only rows that meet it are tested.
  Severity severity = Severity::kError;
  Mark mark;
};

/// One SELECT that the warehouse materialises: models/PROJECT/DATASET/TABLE.sql, and what stands
/// in the YAML file beside it.
struct Model {
  std::string name;    // As a job.
  TableAddress table;  // What it makes.
  std::string sql;     // As the file has it, templates unresolved.
  std::string description;
  Materialize materialize = Materialize::kTable;
  std::vector<std::string> key;  // kIncremental: either this ...
  std::string partition;         // ... or a column of the result.
  std::string where_new;         // kIncremental: which rows of the result are new.
  Trigger trigger;
  RunPolicy runs;
  TaskPolicy policy = AgainWhenTransient();
  std::vector<std::string> after;  // Jobs that run before it, beside those whose tables it reads.
  std::vector<DataTest> tests;
  std::string service_account;
  std::optional<Sla> sla;
  std::string owner;
  std::vector<std::string> tags;
  Mark sql_mark;  // The SQL file.
  Mark mark;      // Of the YAML file's beginning; without one, the SQL file.
  Mark where_new_mark;
  Mark after_mark;
};

}  // namespace afluente::estate
