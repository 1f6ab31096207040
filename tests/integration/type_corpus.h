// The corpus of integration.types: values of every built-in PostgreSQL type.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace afluente::test {

/// How a value of the natural DuckDB type is turned back into what PostgreSQL
/// prints, where DuckDB prints it differently. See type_print.h.
enum class Print {
  kPlain,    // The same text on both sides.
  kBool,     // true/false alone, t/f inside an array.
  kDecimal,  // A zero before the point.
  kFloat8,   // Compared bit by bit, except for the sign of zero.
  kFloat4,
  kBytea,        // \x hex
  kDate,         // BC
  kTimestamp,    // BC
  kTimestamptz,  // BC, offset
  kInterval,     // Units and signs.
  kTextArray,    // Of a type without a natural form: compared with ::text[].
};

struct TypeCase {
  std::string name;            // Letters and digits: it becomes the test's name.
  std::string pg_type;         // As in CREATE TABLE.
  std::string duck_type = {};  // What the types page promises; empty: not asserted.
  Print print = Print::kPlain;
  int list_depth = 0;                    // int[][]: 2
  std::vector<std::string> values = {};  // Input texts; NULL is added to each case.
  bool as_text = false;                  // The integration says `type: text`.
};

void PrintTo(const TypeCase& type_case, std::ostream* out);

/// Marks a value as an SQL expression instead of an input text.
std::string Sql(const std::string& expression);

/// A value as it stands in VALUES: '...'::TYPE, or the expression.
std::string SqlValue(const TypeCase& type_case, const std::string& value);

/// Extensions, enums, domains and composites that the cases use.
std::string TypeSetup();

std::vector<TypeCase> NumberCases();
std::vector<TypeCase> StringCases();
std::vector<TypeCase> TimeCases();
std::vector<TypeCase> TextFormCases();
std::vector<TypeCase> UserTypeCases();
std::vector<TypeCase> ArrayCases();
/// `columns: { v: { type: text } }` on types that have a natural form.
std::vector<TypeCase> AsTextCases();

std::vector<TypeCase> AllTypeCases();

}  // namespace afluente::test
